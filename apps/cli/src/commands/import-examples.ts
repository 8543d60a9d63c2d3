import { createReadStream } from 'node:fs';
import { stat, writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import type { TaskKind } from '@scion/contracts';
import type { Context } from '../command.js';
import { connectTenant } from '../connection.js';
import { exitCodes } from '../exit-codes.js';
import { openCheckpoint } from '../import/checkpoint.js';
import { type BadRow, isBad, type Mapping, MappingError, readRows } from '../import/rows.js';
import { createSender } from '../import/send-rows.js';
import { count, counted, duration } from '../terminal/format.js';
import { createProgressBar } from '../terminal/progress-bar.js';
import { UserError } from '../user-error.js';

/** Bad rows that are listed one by one; the rest are counted. */
const listedBadRows = 20;
/** Bad rows kept for the report. */
const keptBadRows = 100_000;

export async function run(context: Context): Promise<number> {
  const { input, terminal, signal } = context;
  const path = input.arg('file');
  const task = input.required('task');
  const format = formatOf(context, path);
  const dryRun = input.flag('dry-run');
  const startedAt = performance.now();

  const client = await connectTenant(context);
  const target = await client.tasks.get(task, { signal });
  const mapping = mappingOf(context, format, target.kind);
  const size = path === '-' ? 0 : (await stat(path)).size;
  const checkpoint =
    path === '-' || dryRun ? undefined : await openCheckpoint(path, [task, target.createdAt, mapping]);
  if (checkpoint && checkpoint.line > 0)
    terminal.note(`going on behind line ${count(checkpoint.line)}, where the import before this one stopped`);

  const bad: BadRow[] = [];
  let badRows = 0;
  const onBad = (row: BadRow): void => {
    badRows += 1;
    if (bad.length < keptBadRows) bad.push(row);
    if (badRows <= listedBadRows) terminal.note(`line ${row.line}: ${row.reason}; left out`);
    if (badRows === listedBadRows + 1)
      terminal.note('further bad rows are counted; --bad-rows <file> lists them all');
  };
  const sender = dryRun ? undefined : createSender(client, task, { signal, onBad });
  const users = new Set<string>();
  const progress = createProgressBar(terminal);
  let rows = 0;
  let bytesRead = 0;
  let line = 0;

  try {
    const chunks = path === '-' ? readChunks(context.stdin) : readChunks(createReadStream(path));
    for await (const row of readRows(chunks, mapping)) {
      signal.throwIfAborted();
      line = row.line;
      if (checkpoint && line <= checkpoint.line) continue;
      if (isBad(row)) onBad(row);
      else {
        rows += 1;
        users.add(row.user);
        if ((await sender?.add(row)) && checkpoint) await checkpoint.save(line);
      }
      const share = size === 0 ? 0 : bytesRead / size;
      progress.update(share, `${counted(rows, 'row')} of ${counted(users.size, 'user')}`);
    }
    await sender?.flush();
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (error instanceof MappingError) throw new UserError(error.message);
    if (!dryRun && path !== '-' && rows > 0) terminal.note('the same command goes on where this one stopped');
    throw error;
  } finally {
    progress.done();
  }
  await checkpoint?.remove();
  const report = input.text('bad-rows');
  if (report !== undefined)
    await writeFile(report, bad.map((row) => `${JSON.stringify(row)}\n`).join(''), { mode: 0o600 });

  const seconds = (performance.now() - startedAt) / 1_000;
  const { accepted, replaced, duplicates } = sender?.sent ?? { accepted: 0, replaced: 0, duplicates: 0 };
  terminal.result(
    { task, rows, users: users.size, badRows, accepted, replaced, duplicates, dryRun, seconds },
    () => {
      const who = `${counted(rows, 'good row')} of ${counted(users.size, 'user')}`;
      const left = badRows > 0 ? `, ${counted(badRows, 'bad one')} left out` : '';
      if (dryRun) return `${who}${left}; nothing was sent`;
      return `${who} in ${duration(seconds)}: ${count(accepted)} new, ${count(replaced)} replaced, ${count(duplicates)} known before${left}`;
    },
  );
  return badRows > 0 ? exitCodes.incomplete.code : exitCodes.ok.code;

  async function* readChunks(stream: NodeJS.ReadableStream): AsyncGenerator<string> {
    // Anything else would be imported with characters missing, as good rows.
    const decoder = new TextDecoder('utf-8', { fatal: true });
    try {
      for await (const chunk of stream) {
        bytesRead += (chunk as Buffer).length;
        yield decoder.decode(chunk as Buffer, { stream: true });
      }
      yield decoder.decode();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_ENCODING_INVALID_ENCODED_DATA') throw error;
      const where = line === 0 ? '' : `, somewhere behind line ${count(line)}`;
      throw new UserError(`${path === '-' ? 'standard input' : path} is not UTF-8${where}`, {
        hint: 'save it as “CSV UTF-8”, or convert it: iconv -f WINDOWS-1252 -t UTF-8',
        exit: line === 0 ? 'usage' : 'incomplete',
      });
    }
  }
}

const formats: Record<string, Mapping['format']> = {
  '.csv': 'csv',
  '.tsv': 'tsv',
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
};

function formatOf({ input }: Context, path: string): Mapping['format'] {
  const format =
    (input.text('format') as Mapping['format'] | undefined) ?? formats[extname(path).toLowerCase()];
  if (format !== undefined) return format;
  throw new UserError(`what is in ${path === '-' ? 'standard input' : path}?`, {
    hint: 'say it with --format csv, tsv or ndjson',
  });
}

function mappingOf({ input }: Context, format: Mapping['format'], kind: TaskKind): Mapping {
  return {
    ...{ format, kind },
    input: input.required('input-column'),
    label: input.required('label-column'),
    userColumn: input.required('user-column'),
    id: input.text('id-column'),
    weight: input.text('weight-column'),
    user: input.text('user'),
  };
}
