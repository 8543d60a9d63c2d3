import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createFileStore } from '@scion/store';

/**
 * Kills writing processes with SIGKILL and looks at what they left. This shows crash safety against the death of a
 * process; a power loss, against which the fsyncs stand, cannot be staged here.
 */
const rounds = 5;
/** Processes that write at once, each below a folder of its own. */
const writers = 4;
const keys = 4;
const role = process.argv[2];

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

/** Big enough that a write takes several system calls; the first line says number and hash of the rest. */
function objectOf(sequence: number): Uint8Array {
  const rest = new Uint8Array(200_000 + sequence * 31).fill(sequence % 256);
  return Buffer.concat([Buffer.from(`${sequence} ${sha256(rest)}\n`), rest]);
}

/** The number of a whole object; throws on a torn one. */
function sequenceOf(body: Uint8Array): number {
  const line = body.indexOf(10);
  const [sequence, hash] = Buffer.from(body.subarray(0, line)).toString().split(' ');
  if (sha256(body.subarray(line + 1)) !== hash) throw new Error(`object ${sequence} is torn`);
  return Number(sequence);
}

/** The child: overwrites, creates and deletes for ever, saying each write once it has been acknowledged. */
async function writeUntilKilled(root: string, folder: string): Promise<never> {
  const store = await createFileStore({ root });
  for (let sequence = 1; ; sequence++) {
    await store.put(`${folder}/${sequence % keys}/put`, objectOf(sequence));
    process.stdout.write(`put ${sequence}\n`);
    await store.create(`${folder}/new/${sequence}/created`, objectOf(sequence));
    process.stdout.write(`created ${sequence}\n`);
    await store.delete(`${folder}/new/${sequence - 1}/created`);
  }
}

/** Runs a writer, kills it some milliseconds behind its `blowAfter`th acknowledgement, and returns the last ones. */
async function writeAndKill(root: string, folder: string, blowAfter: number, pauseMs: number) {
  const script = fileURLToPath(import.meta.url);
  const child = spawn(process.execPath, [script, 'write', root, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const acknowledged = { put: 0, created: 0 };
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [what, sequence] = line.split(' ');
    acknowledged[what as 'put' | 'created'] = Number(sequence);
    if (++lines !== blowAfter) continue;
    await pause(pauseMs);
    child.kill('SIGKILL');
  }
  await exited;
  return acknowledged;
}

if (role === 'write') await writeUntilKilled(process.argv[3]!, process.argv[4]!);

// Not before: loading it would be most of a child's life.
const { default: t } = await import('tap');

await t.test(
  'whenever a writer is killed, every object is whole and nothing acknowledged is lost',
  async (t) => {
    const root = await mkdtemp(join(tmpdir(), 'scion-crash-'));
    t.teardown(() => rm(root, { recursive: true }));
    const temporary = join(root, '.scion', 'tmp');
    let interrupted = 0;

    for (let round = 0; round < rounds; round++) {
      const ends = await Promise.all(
        Array.from({ length: writers }, (_, i) => {
          // When the blow falls differs from one to the next.
          const n = round * writers + i;
          return writeAndKill(root, `writer-${i}`, 3 + ((n * 7) % 11), (n * 13) % 8);
        }),
      );
      interrupted += (await readdir(temporary)).length;

      const store = await createFileStore({ root });
      t.strictSame(await readdir(temporary), [], 'what the dead writers left is gone');
      const listed = (await store.list('')).objects;
      const seen = new Map<string, number>();
      for (const { key } of listed) seen.set(key, sequenceOf((await store.get(key))!.body));
      for (const [i, { put, created }] of ends.entries()) {
        const folder = `writer-${i}`;
        t.ok((seen.get(`${folder}/${put % keys}/put`) ?? 0) >= put, `put ${put} is there`);
        const heir = [created, created + 1].find((n) => seen.get(`${folder}/new/${n}/created`) === n);
        t.ok(heir !== undefined, `created ${created} is there, or deleted because the next one is`);
      }
      for (const { key } of listed) await store.delete(key);
    }
    t.comment(`${interrupted} of ${rounds * writers} writers were cut off in the middle of a write`);
  },
);
