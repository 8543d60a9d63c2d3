import { resolve } from 'node:path';
import type { Context } from '../command.js';
import { findConnection } from '../connection.js';
import { runDemo } from '../demo/demo.js';
import { UserError } from '../user-error.js';

export async function run(context: Context): Promise<void> {
  const { url, apiKey, local } = await findConnection(context);
  if (!local)
    throw new UserError('the demo makes a tenant of its own, so it runs on a system of this machine only', {
      hint: 'scion up --demo starts one and runs it',
    });
  const { terminal, input, signal } = context;
  const lines: string[] = [];
  await runDemo({
    url,
    operatorKey: apiKey,
    dataPath: resolve(input.required('data')),
    signal,
    print: (line) => (terminal.json ? lines.push(line) : terminal.event(undefined, line)),
  });
  if (terminal.json) terminal.result({ output: lines }, () => []);
}
