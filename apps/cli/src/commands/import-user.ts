import { readFile, stat } from 'node:fs/promises';
import { limits } from '@scion/contracts/limits';
import type { Context } from '../command.js';
import { connectTenant } from '../connection.js';
import { patientFetch } from '../patient-fetch.js';
import { bytes, counted } from '../terminal/format.js';
import { UserError } from '../user-error.js';

/** An archive at its largest, over a slow line, and the time to check and store it. */
const timeoutMs = 15 * 60_000;

export async function run(context: Context): Promise<void> {
  const { input, terminal, signal } = context;
  const archive = await readArchive(input.arg('file'));
  const client = await connectTenant(context, { fetch: patientFetch });
  const imported = await client.users.import(archive, { as: input.text('user'), signal, timeoutMs });
  terminal.result(imported, () => [
    `imported ${imported.user}`,
    ...imported.tasks.map(({ task, examples, versions, live, jobs }) => {
      const what = `${counted(examples, 'example')}, ${counted(versions, 'version')}, ${counted(jobs, 'job')}`;
      return `  ${task}: ${what}; ${live === null ? 'none is live' : `version ${live} is live`}`;
    }),
  ]);
}

/** The service holds an archive to the same limit, but only once it was sent. */
async function readArchive(file: string): Promise<Uint8Array> {
  const found = await stat(file);
  if (found.isDirectory()) throw new UserError(`${file} is a folder, not an archive`);
  if (found.size > limits.archiveBytes)
    throw new UserError(
      `${file} has ${bytes(found.size)}; an archive that can be imported has at most ${bytes(limits.archiveBytes)}`,
    );
  return readFile(file);
}
