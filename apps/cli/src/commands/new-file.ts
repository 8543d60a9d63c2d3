import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UserError } from '../user-error.js';

/** Refuses, before anything is asked of the service, a file that cannot be made there, or would replace another unasked. */
export async function requireNewFile(
  file: string,
  { option, force }: { option: string /** Undefined where nothing is ever replaced. */; force?: boolean },
): Promise<void> {
  await access(dirname(file), constants.W_OK);
  const found = await stat(file).catch(() => undefined);
  if (found?.isDirectory())
    throw new UserError(`${file} is a folder`, { hint: `name a file with --${option}` });
  if (found && !force)
    throw new UserError(`${file} is there already`, {
      hint: `name another file with --${option}${force === false ? ', or add --force to replace it' : ''}`,
    });
}
