import type { Context } from '../command.js';
import { completionScript, type Shell } from '../completions.js';

export async function run({ input, terminal, commands }: Context): Promise<void> {
  const script = completionScript(input.arg('shell') as Shell, commands);
  terminal.result({ script }, () => script.trimEnd());
}
