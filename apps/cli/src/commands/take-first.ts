import type { Context } from '../command.js';
import { count } from '../terminal/format.js';

/** As many rows of a list as `--limit` says; tells on standard error that there are more. */
export async function takeFirst<T>(list: AsyncIterable<T>, { input, terminal }: Context): Promise<T[]> {
  const limit = input.number('limit')!;
  const rows: T[] = [];
  for await (const row of list) {
    if (rows.length === limit) {
      terminal.note(terminal.errorStyle.dim(`the first ${count(limit)}; --limit shows more`));
      break;
    }
    rows.push(row);
  }
  return rows;
}
