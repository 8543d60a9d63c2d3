import {
  type ArchivedSwitch,
  type ArchivedVersion,
  type ArchiveHead,
  archiveInvalid,
  type Example,
  type Job,
  type JobEvent,
  limits,
  parseArchived,
} from '@scion/contracts';
import { sha256Hex } from '../secrets.js';
import { readTar } from './tar.js';

/** Files of an archive: three each of 1,000 versions and some thousand jobs. */
const maxEntries = 20_000;
const decoder = new TextDecoder('utf-8', { fatal: true });

export interface ArchivedTask {
  examples: Example[];
  versions: (ArchivedVersion & { adapter: Uint8Array })[];
  /** Oldest first. */
  switches: ArchivedSwitch[];
  jobs: { job: Job; events: JobEvent[] }[];
}

export interface UserArchive {
  head: ArchiveHead;
  tasks: Map<string, ArchivedTask>;
}

function text(body: Uint8Array, path: string): string {
  try {
    return decoder.decode(body);
  } catch {
    throw archiveInvalid(`${path} is not UTF-8`);
  }
}

const linesOf = (body: Uint8Array, path: string): string[] =>
  text(body, path)
    .split('\n')
    .filter((line) => line !== '');

/** As PEFT calls it, and as archives had it before. */
const adapterNames = ['adapter_model.safetensors', 'adapter.safetensors'];

const patterns = {
  examples: /^([a-z0-9][a-z0-9-]{0,62})\/examples\/\d{6}\.ndjson$/,
  card: /^([a-z0-9][a-z0-9-]{0,62})\/versions\/([1-9]\d{0,7})\/card\.json$/,
  adapter: /^([a-z0-9][a-z0-9-]{0,62})\/versions\/([1-9]\d{0,7})\/adapter(?:_model)?\.safetensors$/,
  /** Said by the card already: for PEFT alone. */
  peft: /^([a-z0-9][a-z0-9-]{0,62})\/versions\/([1-9]\d{0,7})\/adapter_config\.json$/,
  live: /^([a-z0-9][a-z0-9-]{0,62})\/live\.ndjson$/,
  job: /^([a-z0-9][a-z0-9-]{0,62})\/jobs\/(job_[0-9a-hjkmnp-tv-z]{26})\.json$/,
  events: /^([a-z0-9][a-z0-9-]{0,62})\/jobs\/(job_[0-9a-hjkmnp-tv-z]{26})\.events\.ndjson$/,
};

/** Reads an archive whole and believes nothing of it. Throws archive_invalid. */
export function readArchive(archive: Uint8Array): UserArchive {
  const files = readTar(archive, maxEntries);
  const take = (path: string): Uint8Array => {
    const body = files.get(path);
    if (!body) throw archiveInvalid(`${path} is missing`);
    files.delete(path);
    return body;
  };
  const manifest = parseArchived('manifest', text(take('manifest.json'), 'manifest.json'), 'manifest.json');
  if (manifest.entries.length !== files.size) throw archiveInvalid('the manifest lists other files');
  for (const { path, bytes, sha256 } of manifest.entries) {
    const body = files.get(path);
    if (body?.byteLength !== bytes || sha256Hex(body) !== sha256)
      throw archiveInvalid('a file does not match its hash in the manifest');
  }
  const head = parseArchived('head', text(take('archive.json'), 'archive.json'), 'archive.json');

  const tasks = new Map<string, ArchivedTask>();
  const taskOf = (name: string): ArchivedTask => {
    const task = tasks.get(name) ?? { examples: [], versions: [], switches: [], jobs: [] };
    tasks.set(name, task);
    return task;
  };
  for (const [path, body] of files) {
    const [kind, task, id] = kindOf(path);
    if (kind === 'examples') {
      const rows = linesOf(body, path).map((line) => parseArchived('example', line, path));
      taskOf(task).examples.push(...rows);
    } else if (kind === 'card') {
      const version = parseArchived('version', text(body, path), path);
      const [adapter, another] = adapterNames.flatMap(
        (name) => files.get(`${task}/versions/${id}/${name}`) ?? [],
      );
      if (!adapter || another || version.card.version !== Number(id))
        throw archiveInvalid(`${path} has no adapter`);
      if (adapter.byteLength !== version.adapterBytes || sha256Hex(adapter) !== version.adapterSha256)
        throw archiveInvalid('an adapter is not the one that its card names');
      taskOf(task).versions.push({ ...version, adapter });
    } else if (kind === 'adapter' || kind === 'peft') {
      if (!files.has(`${task}/versions/${id}/card.json`)) throw archiveInvalid(`${path} has no card`);
    } else if (kind === 'live') {
      taskOf(task).switches = linesOf(body, path).map((line) => parseArchived('switch', line, path));
    } else if (kind === 'job') {
      const job = parseArchived('job', text(body, path), path);
      const events = files.get(`${task}/jobs/${id}.events.ndjson`);
      const ended = job.state === 'succeeded' || job.state === 'failed' || job.state === 'cancelled';
      if (job.id !== id || !ended) throw archiveInvalid(`${path} is not the record of an ended job`);
      taskOf(task).jobs.push({
        job,
        events: events ? linesOf(events, path).map((line) => parseArchived('event', line, path)) : [],
      });
    } else if (!files.has(`${task}/jobs/${id}.json`)) throw archiveInvalid(`${path} has no job`);
  }
  if (tasks.size === 0) throw archiveInvalid('it holds no task');
  for (const task of tasks.values()) checkTask(task);
  return { head, tasks };
}

function kindOf(path: string): [kind: keyof typeof patterns, task: string, id: string] {
  for (const [kind, pattern] of Object.entries(patterns)) {
    const [, task, id = ''] = pattern.exec(path) ?? [];
    if (task !== undefined) return [kind as keyof typeof patterns, task, id];
  }
  throw archiveInvalid('it holds a file of unknown kind');
}

function checkTask({ examples, versions, switches }: ArchivedTask): void {
  if (examples.length > limits.examplesPerModel)
    throw archiveInvalid(`it holds more than ${limits.examplesPerModel} examples of a task`);
  if (new Set(examples.map(({ id }) => id)).size !== examples.length)
    throw archiveInvalid('an example stands in it twice');
  for (const { id, input } of examples) {
    if (id === '' || id.length > limits.exampleIdChars) throw archiveInvalid('an example has no valid id');
    if (typeof input === 'string' && input.length > limits.textChars)
      throw archiveInvalid('an example is too long');
  }
  const hashes = new Map(versions.map(({ card, adapterSha256 }) => [card.version, adapterSha256]));
  for (const { version, adapterSha256 } of switches) {
    if (hashes.get(version) !== adapterSha256)
      throw archiveInvalid('`live` names a version that it does not hold');
  }
}
