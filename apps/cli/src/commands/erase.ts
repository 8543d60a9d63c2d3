import { open, rename, rm } from 'node:fs/promises';
import { isScionError } from '@scion/sdk';
import type { Context } from '../command.js';
import { confirm } from '../confirm.js';
import { connectTenant } from '../connection.js';
import { exitCodes } from '../exit-codes.js';
import { patientFetch } from '../patient-fetch.js';
import { bytes, counted } from '../terminal/format.js';
import { UserError } from '../user-error.js';
import { requireNewFile } from './new-file.js';

/** To erase a user of many objects in a slow store. */
const timeoutMs = 15 * 60_000;

export async function run(context: Context): Promise<number> {
  const { input, terminal, signal } = context;
  const user = input.arg('user');
  const task = input.text('task');
  const path = input.text('receipt');
  const client = await connectTenant(context, { fetch: patientFetch });
  const where = task === undefined ? 'in every task' : `in ${task}`;
  await confirm(context, `Erase everything of this user ${where}? It cannot be taken back.`, { type: user });
  const file = path === undefined ? undefined : await openReceipt(path);
  try {
    signal.throwIfAborted();
    // Not given to the call: the service would go on all the same, and the receipt would be lost.
    signal.addEventListener('abort', () =>
      terminal.note(
        'the erasure goes on in the service, and its receipt is waited for; Ctrl-C again leaves without it, and GET /v1/erasures keeps the proof',
      ),
    );
    // Sent once: a repetition of one that ended finds no user, and has no receipt.
    const erasure = await client.users.erase(user, { task, timeoutMs, maxRetries: 0 }).catch(explain);
    const failed = await file
      ?.keep(`${JSON.stringify(erasure, null, 2)}\n`)
      .then(() => undefined)
      .catch((error: Error) => error);
    const { objects, jobs, tasks } = erasure.receipt;
    const size = objects.reduce((sum, object) => sum + object.bytes, 0);
    terminal.result(erasure, () => [
      `erased ${counted(objects.length, 'object')} (${bytes(size)}) and ${counted(jobs.length, 'job')} in ${counted(tasks.length, 'task')}`,
      file && failed === undefined
        ? `receipt ${erasure.receipt.id}, signed, is in ${path}; keep it, it is stored nowhere else`
        : `receipt: ${erasure.jws}`,
    ]);
    if (failed === undefined) return exitCodes.ok.code;
    terminal.note(`${path} could not be written (${failed.message}): keep the receipt printed here`);
    return exitCodes.incomplete.code;
  } finally {
    await file?.close();
  }
}

/** Where the answer is lost, so may the receipt be: what was asked is done all the same. */
function explain(error: unknown): never {
  if (!isScionError(error) || (error.status !== undefined && error.status < 500)) throw error;
  throw new UserError(`${error.title}: ${error.detail}`, {
    hint: 'the erasure may have ended all the same: GET /v1/erasures then has its proof; else the same command goes on with it',
    exit: 'unavailable',
  });
}

/**
 * Made before the call: the receipt comes once, and must not be lost to a file that cannot be made. It takes its name only
 * when it is whole, as one left empty would refuse the same command the next time.
 */
async function openReceipt(path: string) {
  await requireNewFile(path, { option: 'receipt' });
  const part = `${path}.${process.pid}.part`;
  const file = await open(part, 'w', 0o600);
  return {
    async keep(text: string): Promise<void> {
      await file.writeFile(text);
      await file.sync();
      await rename(part, path);
    },
    async close(): Promise<void> {
      await file.close();
      await rm(part, { force: true });
    },
  };
}
