import { randomBytes } from 'node:crypto';
import type { Client } from '@scion/sdk';
import type { Context } from '../command.js';
import { connectTenant } from '../connection.js';
import { engineeringHeadlines, gardenHeadlines } from '../demo/items.js';
import { exitCodes } from '../exit-codes.js';
import { bytes, duration } from '../terminal/format.js';
import { renderTable } from '../terminal/table.js';
import { UserError } from '../user-error.js';

interface Row {
  what: string;
  requests: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

export async function run(context: Context): Promise<number> {
  const { input, terminal, signal } = context;
  const seconds = input.number('seconds')!;
  const concurrencies = (input.list('concurrency') ?? []).map(Number);
  if (concurrencies.length === 0 || !concurrencies.every((n) => Number.isInteger(n) && n > 0 && n <= 1_024))
    throw new UserError('--concurrency takes whole numbers from 1 to 1024, comma-separated');
  const client = await connectTenant(context);
  const task = `bench-${randomBytes(4).toString('hex')}`;
  const user = 'bench@example.com';
  const note = (text: string): void => terminal.redraw([terminal.errorStyle.dim(text)]);

  await client.tasks.put(task, { kind: 'classification', modality: 'text', labels: ['like', 'dislike'] });
  try {
    note('job to live …');
    const live = await trainOnce(client, task, user, signal);
    if (live === undefined) {
      terminal.note('the job did not succeed; is a worker running? scion doctor looks');
      return exitCodes.incomplete.code;
    }
    const rows: Row[] = [];
    for (const concurrency of concurrencies) {
      note(`predict, ${concurrency} at once …`);
      rows.push(await measure(client, { task, user, concurrency, seconds, signal }));
    }
    terminal.result({ jobToLiveSeconds: live.seconds, adapterBytes: live.bytes, rows }, () => [
      `job to live with 40 examples: ${duration(live.seconds)}; adapter ${bytes(live.bytes)}`,
      '',
      ...renderTable<Row>(
        rows,
        [
          { title: 'one row a request', cell: ({ what }) => what },
          { title: 'requests', cell: ({ requests }) => String(requests), align: 'right' },
          { title: 'per second', cell: ({ perSecond }) => perSecond.toFixed(1), align: 'right' },
          { title: 'p50', cell: ({ p50Ms }) => `${p50Ms.toFixed(1)} ms`, align: 'right' },
          { title: 'p99', cell: ({ p99Ms }) => `${p99Ms.toFixed(1)} ms`, align: 'right' },
        ],
        terminal,
      ),
    ]);
    return exitCodes.ok.code;
  } finally {
    note('erasing what it made …');
    await client.users.erase(user, { task }).catch(() => undefined);
    await client.tasks.delete(task);
    terminal.redraw([]);
  }
}

async function trainOnce(
  client: Client,
  task: string,
  user: string,
  signal: AbortSignal,
): Promise<{ seconds: number; bytes: number } | undefined> {
  const examples = [
    ...gardenHeadlines.map((input) => ({ input, label: 'like' })),
    ...engineeringHeadlines.map((input) => ({ input, label: 'dislike' })),
  ];
  await client.examples.append(task, user, examples);
  const startedAt = performance.now();
  const job = await client.jobs.create({ task, user });
  const { state, version } = await client.jobs.wait(job.id, { signal });
  const seconds = (performance.now() - startedAt) / 1_000;
  if (state !== 'succeeded' || version === null) return undefined;
  const { adapterBytes } = await client.models.version(task, user, version);
  return { seconds, bytes: adapterBytes };
}

/** Closed loop: as many callers as `concurrency`, each asking again as soon as it is answered. */
async function measure(
  client: Client,
  options: { task: string; user: string; concurrency: number; seconds: number; signal: AbortSignal },
): Promise<Row> {
  const { task, user, concurrency, seconds, signal } = options;
  const texts = [...gardenHeadlines, ...engineeringHeadlines];
  const ask = (at: number) => client.predict({ task, user, inputs: [texts[at % texts.length]!] }, { signal });
  await ask(0);
  const times: number[] = [];
  const startedAt = performance.now();
  const until = startedAt + seconds * 1_000;
  await Promise.all(
    Array.from({ length: concurrency }, async (_, caller) => {
      for (let at = caller; performance.now() < until; at += concurrency) {
        const askedAt = performance.now();
        await ask(at);
        times.push(performance.now() - askedAt);
      }
    }),
  );
  const elapsed = (performance.now() - startedAt) / 1_000;
  times.sort((a, b) => a - b);
  const quantile = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(share * times.length))]!;
  return {
    what: `predict, ${concurrency} at once`,
    ...{ requests: times.length, perSecond: times.length / elapsed },
    ...{ p50Ms: quantile(0.5), p99Ms: quantile(0.99) },
  };
}
