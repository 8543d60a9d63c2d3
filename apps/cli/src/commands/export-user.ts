import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Context } from '../command.js';
import { connectTenant } from '../connection.js';
import { bytes } from '../terminal/format.js';
import { UserError } from '../user-error.js';
import { requireNewFile } from './new-file.js';

export async function run(context: Context): Promise<void> {
  const { input, terminal, signal } = context;
  const user = input.required('user');
  const file = input.required('out');
  await requireNewFile(file, { option: 'out', force: input.flag('force') });
  const client = await connectTenant(context);
  const response = await client.users.export(user, { signal });
  // Beside the file, so that it takes its name in one step and is never there in part.
  const part = `${file}.${process.pid}.part`;
  try {
    const target = createWriteStream(part, { mode: 0o600, flush: true });
    await pipeline(bodyOf(response), target, { signal });
    await rename(part, file);
    const size = target.bytesWritten;
    terminal.result({ user, file, bytes: size }, () => `wrote ${file}, ${bytes(size)}`);
  } catch (error) {
    await rm(part, { force: true });
    // A write that fails, on a full disk say, does not know its file.
    if ((error as NodeJS.ErrnoException).syscall === 'write') Object.assign(error as Error, { path: file });
    throw error;
  }
}

async function* bodyOf({ body }: Response): AsyncGenerator<Uint8Array> {
  try {
    if (body) yield* body;
  } catch {
    throw new UserError('the connection broke before the archive was whole; no file was written', {
      hint: 'the same command may succeed now',
      exit: 'unavailable',
    });
  }
}
