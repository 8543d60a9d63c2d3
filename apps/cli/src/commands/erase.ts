import { writeFile } from 'node:fs/promises';
import type { Context } from '../command.js';
import { confirm } from '../confirm.js';
import { connectTenant } from '../connection.js';
import { bytes, counted } from '../terminal/format.js';

export async function run(context: Context): Promise<void> {
  const { input, terminal } = context;
  const user = input.arg('user');
  const task = input.text('task');
  const client = await connectTenant(context);
  const where = task === undefined ? 'in every task' : `in ${task}`;
  await confirm(context, `Erase everything of this user ${where}? It cannot be taken back.`, { type: user });
  const erasure = await client.users.erase(user, { task });
  const path = input.text('receipt');
  if (path !== undefined) await writeFile(path, `${JSON.stringify(erasure, null, 2)}\n`, { mode: 0o600 });
  const { objects, jobs, tasks } = erasure.receipt;
  const size = objects.reduce((sum, object) => sum + object.bytes, 0);
  terminal.result(erasure, () => [
    `erased ${counted(objects.length, 'object')} (${bytes(size)}) and ${counted(jobs.length, 'job')} in ${counted(tasks.length, 'task')}`,
    path === undefined
      ? `receipt: ${erasure.jws}`
      : `receipt ${erasure.receipt.id}, signed, is in ${path}; keep it, it is stored nowhere else`,
  ]);
}
