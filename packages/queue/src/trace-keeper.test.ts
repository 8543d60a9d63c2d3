import { AsyncLocalStorage } from 'node:async_hooks';
import type { Telemetry } from 'bullmq';
import t from 'tap';
import { createTraceKeeper } from './trace-keeper.js';

/** A trace is a name here; the way it travels through asynchronous code is the real one. */
const running = new AsyncLocalStorage<string>();
const telemetry = {
  contextManager: {
    with: (trace: string, run: () => unknown) => running.run(trace, run),
    active: () => running.getStore() ?? '',
    getMetadata: (trace: string) => (trace === '' ? '{}' : JSON.stringify({ trace })),
    fromMetadata: (active: string, metadata: string) => JSON.parse(metadata).trace ?? active,
  },
} as unknown as Telemetry;

t.test('a job that another request brings to its turn stays in the trace of its own', async (t) => {
  const keeper = createTraceKeeper(telemetry);
  const { trace } = running.run('mine', () => keeper.current());
  const seen = await running.run('another’s', () =>
    keeper.within(trace, async () => {
      await null;
      return running.getStore();
    }),
  );
  t.equal(seen, 'mine');
});

t.test(
  'a job that nobody traced does not fall into the trace of whoever brings it to its turn',
  async (t) => {
    const keeper = createTraceKeeper(telemetry);
    t.same(keeper.current(), {});
    const seen = await running.run('another’s', () =>
      keeper.within(undefined, async () => running.getStore()),
    );
    t.equal(seen, undefined);
  },
);

t.test('without telemetry payloads stay as they are', async (t) => {
  const keeper = createTraceKeeper(undefined);
  t.same(
    running.run('mine', () => keeper.current()),
    {},
  );
  t.equal(await keeper.within('mine', async () => 1), 1);
});
