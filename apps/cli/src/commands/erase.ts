import { type FileHandle, open, rm } from 'node:fs/promises';
import type { Context } from '../command.js';
import { confirm } from '../confirm.js';
import { connectTenant } from '../connection.js';
import { exitCodes } from '../exit-codes.js';
import { bytes, counted } from '../terminal/format.js';
import { UserError } from '../user-error.js';

/** To erase a user of many objects in a slow store. */
const timeoutMs = 15 * 60_000;

export async function run(context: Context): Promise<number> {
  const { input, terminal } = context;
  const user = input.arg('user');
  const task = input.text('task');
  const path = input.text('receipt');
  const client = await connectTenant(context);
  const where = task === undefined ? 'in every task' : `in ${task}`;
  await confirm(context, `Erase everything of this user ${where}? It cannot be taken back.`, { type: user });
  // Before the call: the receipt comes once, and must not be lost to a file that cannot be made.
  const file = path === undefined ? undefined : await create(path);
  let written = false;
  try {
    // Sent once: a repetition of one that ended finds no user, and has no receipt.
    const erasure = await client.users.erase(user, { task, timeoutMs, maxRetries: 0 });
    const failed = await file
      ?.writeFile(`${JSON.stringify(erasure, null, 2)}\n`)
      .catch((error: Error) => error);
    written = file !== undefined && failed === undefined;
    const { objects, jobs, tasks } = erasure.receipt;
    const size = objects.reduce((sum, object) => sum + object.bytes, 0);
    terminal.result(erasure, () => [
      `erased ${counted(objects.length, 'object')} (${bytes(size)}) and ${counted(jobs.length, 'job')} in ${counted(tasks.length, 'task')}`,
      written
        ? `receipt ${erasure.receipt.id}, signed, is in ${path}; keep it, it is stored nowhere else`
        : `receipt: ${erasure.jws}`,
    ]);
    if (failed === undefined) return exitCodes.ok.code;
    terminal.note(`${path} could not be written (${failed.message}): keep the receipt printed here`);
    return exitCodes.incomplete.code;
  } finally {
    await file?.close();
    if (path !== undefined && !written) await rm(path, { force: true });
  }
}

async function create(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new UserError(`${path} is there already`, { hint: 'name another file with --receipt' });
  }
}
