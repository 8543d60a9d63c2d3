import { AppError, type ArchiveHead, type ModelRef, peftConfig, timestamp } from '@scion/contracts';
import { listAll, type ObjectStore } from '@scion/store';
import { type AliasRecord, readAliases } from '../aliases.js';
import { streamSegments } from '../example-segments.js';
import { isOpen } from '../indexes.js';
import { encodeJson, encodeLines, readJson } from '../json-object.js';
import { jobOfKey, objectKeys } from '../keys.js';
import { isId, type RegistryParts } from '../parts.js';
import { sha256Hex } from '../secrets.js';
import { taskName } from '../tasks.js';
import { listVersions, readVersion } from '../versions.js';
import type { Users } from '../whole-users.js';
import { tarEnd, tarEntry } from './tar.js';

type File = [path: string, body: Uint8Array];
type Base = Parameters<Users['export']>[2];

/** Examples of one file, so that an export holds some MB at a time. */
const bytesPerFile = 4 * 1024 * 1024;

/**
 * A user as one tar archive: `archive.json`, per task `examples/*.ndjson`, `versions/<n>/card.json` and the
 * adapter, under the names that Hugging Face PEFT reads a folder by,
 * `live.ndjson` and `jobs/<job>.{json,events.ndjson}` of ended jobs, and `manifest.json` with the hashes of all.
 */
export function createExportUser({ store, clock }: Pick<RegistryParts, 'store' | 'clock'>) {
  return async function exportUser(
    tenantId: string,
    user: string,
    base: Base,
  ): Promise<AsyncGenerator<Uint8Array>> {
    const tasks = isId('tenant', tenantId) ? await tasksOf(store, tenantId, user) : [];
    if (tasks.length === 0) throw new AppError('user_not_found', 'Nothing is stored of this user.');
    const head: ArchiveHead = { format: 'scion-user/1', tenantId, user, exportedAt: timestamp(clock) };
    return archive(store, head, tasks, base);
  };
}

/** The tasks in which a user is known. */
export async function tasksOf(store: ObjectStore, tenantId: string, user: string): Promise<string[]> {
  const tasks: string[] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const page: { names: string[]; next: string | null } = await store.children(
      objectKeys.userPrefix(tenantId, user),
      after === undefined ? {} : { after },
    );
    tasks.push(...page.names.filter((name) => taskName.test(name)));
    after = page.next;
  }
  return tasks;
}

async function* archive(
  store: ObjectStore,
  head: ArchiveHead,
  tasks: string[],
  base: Base,
): AsyncGenerator<Uint8Array> {
  const entries: { path: string; bytes: number; sha256: string }[] = [];
  async function* files(): AsyncGenerator<File> {
    yield ['archive.json', encodeJson(head)];
    for (const task of tasks) {
      const ref = { tenantId: head.tenantId, task, user: head.user };
      for await (const [path, body] of filesOf(store, ref, base)) yield [`${task}/${path}`, body];
    }
  }
  for await (const [path, body] of files()) {
    entries.push({ path, bytes: body.byteLength, sha256: sha256Hex(body) });
    yield* tarEntry(path, body);
  }
  yield* tarEntry('manifest.json', encodeJson({ entries }));
  yield tarEnd();
}

async function* filesOf(store: ObjectStore, ref: ModelRef, base: Base): AsyncGenerator<File> {
  let number = 0;
  let part: unknown[] = [];
  let bytes = 0;
  const flush = (): File => {
    number += 1;
    const file: File = [`examples/${String(number).padStart(6, '0')}.ndjson`, encodeLines(part)];
    part = [];
    bytes = 0;
    return file;
  };
  for await (const example of streamSegments(store, ref)) {
    part.push(example);
    bytes += Buffer.byteLength(JSON.stringify(example));
    if (bytes >= bytesPerFile) yield flush();
  }
  if (part.length > 0) yield flush();

  const { published, pinned } = await listVersions(store, ref);
  const kept = new Set<string>();
  for (const version of published) {
    const record = await readVersion(store, ref, version);
    const adapter = await store.get(objectKeys.adapter(ref, version));
    // Collected meanwhile.
    if (!record || !adapter) continue;
    kept.add(record.adapterSha256);
    yield [`versions/${version}/card.json`, encodeJson({ ...record, pinned: pinned.has(version) })];
    yield [`versions/${version}/adapter_model.safetensors`, adapter.body];
    const config = peftConfig(record.card, base);
    if (config) yield [`versions/${version}/adapter_config.json`, encodeJson(config)];
  }
  const switches: AliasRecord[] = (await readAliases(store, ref)).map(({ record }) => record);
  const known = switches.filter(({ adapterSha256 }) => kept.has(adapterSha256));
  if (known.length > 0) yield ['live.ndjson', encodeLines(known)];

  for await (const { key } of listAll(store, `${objectKeys.modelPrefix(ref)}jobs/`)) {
    const jobId = jobOfKey(key);
    if (jobId === undefined || key !== objectKeys.job(ref, jobId)) continue;
    const job = await readJson<{ state: Parameters<typeof isOpen>[0] }>(store, key);
    // One that has not ended has no outcome to carry over.
    if (!job || isOpen(job.state)) continue;
    yield [`jobs/${jobId}.json`, encodeJson(job)];
    const events = await store.get(objectKeys.jobEvents(ref, jobId));
    if (events) yield [`jobs/${jobId}.events.ndjson`, events.body];
  }
}
