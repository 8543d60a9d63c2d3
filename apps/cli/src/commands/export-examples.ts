import type { Context } from '../command.js';
import { connectTenant } from '../connection.js';
import { counted } from '../terminal/format.js';

export async function run(context: Context): Promise<void> {
  const { input, terminal, signal } = context;
  const client = await connectTenant(context);
  let rows = 0;
  for await (const example of client.examples.export(input.arg('task'), input.arg('user'), { signal })) {
    const { id, input: text, label, weight } = example;
    // NDJSON in both modes: what examples import takes, so that an export moves to another service as it is.
    const line = { id, input: text, label, weight };
    terminal.event(line, JSON.stringify(line));
    rows += 1;
  }
  terminal.note(terminal.errorStyle.dim(counted(rows, 'example')));
}
