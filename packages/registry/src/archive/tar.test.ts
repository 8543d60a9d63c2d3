import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { readTar, tarEnd, tarEntry } from './tar.js';

const write = (files: [string, Uint8Array][]): Uint8Array =>
  Buffer.concat([...files.flatMap(([path, body]) => [...tarEntry(path, body)]), tarEnd()]);
const path = fc
  .tuple(fc.stringMatching(/^[a-z0-9-]{1,63}$/), fc.stringMatching(/^[a-z0-9./_]{1,80}$/))
  .map(([folder, rest]) => `${folder}/${rest}`);
const files = fc.uniqueArray(fc.tuple(path, fc.uint8Array({ maxLength: 1_500 })), {
  maxLength: 6,
  selector: ([name]) => name,
});

t.test('what is written is read, in order', async (t) => {
  fc.assert(
    fc.property(files, (given) => {
      const read = [...readTar(write(given), 10)].map(([name, body]) => [name, [...body]]);
      t.same(
        read,
        given.map(([name, body]) => [name, [...body]]),
      );
    }),
    { numRuns: 50 },
  );
});

t.test('tar reads what is written, and what tar writes is read', async (t) => {
  const folder = t.testdir({ in: {} });
  const name = `${'t'.repeat(63)}/versions/12345678/adapter.safetensors`;
  writeFileSync(join(folder, 'a.tar'), write([[name, Buffer.from('some bytes')]]));
  execFileSync('tar', ['-xf', join(folder, 'a.tar'), '-C', join(folder, 'in')]);
  t.equal(readFileSync(join(folder, 'in', name), 'utf8'), 'some bytes');
  execFileSync('tar', ['--format=ustar', '-cf', join(folder, 'b.tar'), '-C', join(folder, 'in'), name]);
  t.equal(
    Buffer.from(readTar(readFileSync(join(folder, 'b.tar')), 1).get(name) ?? '').toString(),
    'some bytes',
  );
});

t.test('a cut or damaged archive is refused, or reads as it was', async (t) => {
  const given: [string, Uint8Array][] = [
    ['a/one', Buffer.from('1'.repeat(700))],
    ['a/two', Buffer.from('2')],
  ];
  const whole = write(given);
  const refused = { code: 'archive_invalid' };
  for (let bytes = 0; bytes < whole.byteLength - 1_024; bytes += 97) {
    t.throws(() => readTar(whole.subarray(0, bytes), 10), refused, `${bytes} bytes`);
  }
  // Every byte of the headers counts; those of the bodies are the manifest's to check.
  for (let at = 0; at < 512; at += 1) {
    // What ends the checksum is no part of it.
    if (at === 154 || at === 155) continue;
    const damaged = Uint8Array.from(whole);
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    t.throws(() => readTar(damaged, 10), refused, `byte ${at}`);
  }
  t.throws(() => readTar(whole, 1), refused, 'too many files');
  t.throws(() => readTar(write([given[0], given[0]] as [string, Uint8Array][]), 10), refused, 'one twice');
});
