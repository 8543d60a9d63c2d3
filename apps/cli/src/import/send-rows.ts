import { batches, type Client, type ExampleInput, isScionError } from '@scion/sdk';
import type { BadRow, ImportedRow } from './rows.js';

/** Rows of one request, fewer where they are long. */
const rowsPerRequest = 500;
/** Rows read before the users among them are sent: a file sorted by time then still fills its requests. */
const windowRows = 4_000;
const requestsAtOnce = 4;

export interface Sent {
  accepted: number;
  replaced: number;
  duplicates: number;
}

export interface Sender {
  /** Takes a row; sends when enough are waiting, and then says that everything taken before is stored. */
  add(row: ImportedRow): Promise<boolean>;
  /** Sends what still waits. */
  flush(): Promise<void>;
  readonly sent: Sent;
}

/** Sends rows in batches of one user each. Rows that the API refuses are told and left out, the others are sent again. */
export function createSender(
  client: Client,
  task: string,
  options: { signal: AbortSignal; onBad(row: BadRow): void },
): Sender {
  const sent: Sent = { accepted: 0, replaced: 0, duplicates: 0 };
  let waiting: ImportedRow[] = [];

  async function send(rows: ImportedRow[]): Promise<void> {
    const [{ user }] = rows as [ImportedRow, ...ImportedRow[]];
    const examples: ExampleInput[] = rows.map(({ example }) => example);
    try {
      const answer = await client.examples.append(task, user, examples, { signal: options.signal });
      sent.accepted += answer.accepted;
      sent.replaced += answer.replaced;
      sent.duplicates += answer.duplicates;
    } catch (error) {
      const refused = isScionError(error) ? refusedRows(error.errors, rows.length) : undefined;
      if (refused === undefined || refused.size === 0) throw error;
      for (const [at, reason] of refused) options.onBad({ line: rows[at]!.line, reason });
      const good = rows.filter((_, at) => !refused.has(at));
      if (good.length > 0) await send(good);
    }
  }

  async function flush(): Promise<void> {
    const byUser = new Map<string, ImportedRow[]>();
    for (const row of waiting) {
      const rows = byUser.get(row.user);
      if (rows) rows.push(row);
      else byUser.set(row.user, [row]);
    }
    const requests = [...byUser.values()].flatMap((rows) => {
      // One request holds an id once; the last row with it counts.
      const unique = [...new Map(rows.map((row) => [row.example.id, row])).values()];
      return [...batches(unique, rowsPerRequest)];
    });
    const next = requests.values();
    await Promise.all(
      Array.from({ length: requestsAtOnce }, async () => {
        for (const batch of next) await send(batch);
      }),
    );
    waiting = [];
  }

  return {
    sent,
    flush,
    async add(row) {
      waiting.push(row);
      if (waiting.length < windowRows) return false;
      await flush();
      return true;
    },
  };
}

/** Which rows the problem names (`/examples/12/label`), with the reason of each; undefined when it names another thing. */
function refusedRows(
  errors: readonly { path: string; message: string }[],
  count: number,
): Map<number, string> | undefined {
  const rows = new Map<number, string>();
  for (const { path, message } of errors) {
    const at = Number(/^\/examples\/(\d+)(?:\/|$)/.exec(path)?.[1] ?? Number.NaN);
    if (!(at < count)) return undefined;
    rows.set(at, message);
  }
  return rows;
}
