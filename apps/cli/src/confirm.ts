import { createInterface } from 'node:readline/promises';
import type { Context } from './command.js';
import { UserError } from './user-error.js';

/** Asks before what cannot be taken back. Where nobody can answer, `--yes` must have been given. */
export async function confirm(
  { input, terminal, stdin, signal }: Context,
  question: string,
  { type }: { type?: string } = {},
): Promise<void> {
  if (input.flag('yes')) return;
  if (!terminal.interactive)
    throw new UserError(`${question} Nobody can be asked here.`, { hint: 'add --yes' });
  const lines = createInterface({ input: stdin, output: process.stderr });
  try {
    const expected = type ?? 'yes';
    const answer = await lines.question(`${question} Type ${JSON.stringify(expected)} to go on: `, {
      signal,
    });
    if (answer.trim() !== expected) throw new UserError('nothing was done');
  } finally {
    lines.close();
  }
}
