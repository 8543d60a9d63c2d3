import { getEventListeners } from 'node:events';
import t from 'tap';
import { isScionError, type Overview } from './index.js';
import { problem, startServer } from './testing/server.js';

const frame = (stepSeconds: number) => `event: overview\ndata: ${JSON.stringify({ stepSeconds })}\n\n`;

t.test('the overview is followed over breaks of its stream, until the loop is left', async (t) => {
  const server = await startServer((response, _, index) => {
    if (index === 1) return problem(response, 503, 'not_ready', { 'retry-after': '3' });
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`: still here\n\nevent: other\ndata: {}\n\n${frame(index * 2 + 1)}`);
    response.write(frame(index * 2 + 2), () => response.destroy());
  });
  t.teardown(server.close);
  const seen: number[] = [];
  for await (const { stepSeconds } of server.client().system.watch({ from: '2026-11-23T20:00:00.000Z' })) {
    seen.push(stepSeconds);
    if (seen.length === 3) break;
  }
  t.same(seen, [1, 2, 5]);
  t.match(server.seen[0], {
    url: '/v1/system/overview?from=2026-11-23T20%3A00%3A00.000Z',
    headers: { accept: 'text/event-stream' },
  });
  t.ok(
    server.waits.some((ms) => ms >= 3_000),
    'it waits as long as it is told',
  );
});

t.test(
  'whoever watches is told of each attempt that brought nothing, and of no break of a stream',
  async (t) => {
    const server = await startServer((response, _, index) => {
      if (index === 0) return problem(response, 503, 'not_ready');
      if (index === 1) return problem(response, 429, 'rate_limited');
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(frame(index), () => response.destroy());
    });
    t.teardown(server.close);
    const told: (string | number)[] = [];
    const onFailure = (error: unknown) => told.push(isScionError(error) ? error.code : String(error));
    for await (const { stepSeconds } of server.client().system.watch({}, { onFailure })) {
      told.push(stepSeconds);
      if (stepSeconds === 3) break;
    }
    t.same(told, ['not_ready', 'rate_limited', 2, 3]);
  },
);

t.test('a stream that ended leaves nothing with the signal, which may live long', async (t) => {
  const server = await startServer((response, seen, index) => {
    if (index % 3 === 2) return void response.destroy();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(seen.url.endsWith('/export') ? '{}\n' : frame(index), () => response.destroy());
  });
  t.teardown(server.close);
  const { signal } = new AbortController();
  let frames = 0;
  for await (const _overview of server.client().system.watch({}, { signal })) {
    t.ok(getEventListeners(signal, 'abort').length <= 1);
    frames += 1;
    if (frames === 6) break;
  }
  t.strictSame(getEventListeners(signal, 'abort'), []);
  for await (const _example of server.client().examples.export('mail', 'ada', { signal })) break;
  t.strictSame(getEventListeners(signal, 'abort'), []);
});

t.test('a call that cannot succeed rejects, and so does one whose signal fires', async (t) => {
  const server = await startServer((response) => problem(response, 403, 'scope_missing'));
  t.teardown(server.close);
  const first = (signal?: AbortSignal) =>
    server.client().system.watch({}, { signal })[Symbol.asyncIterator]().next() as Promise<
      IteratorResult<Overview>
    >;
  await t.rejects(
    first().catch((error) => {
      t.ok(isScionError(error, 'scope_missing'));
      throw error;
    }),
  );
  await t.rejects(first(AbortSignal.abort(new Error('enough'))), { message: 'enough' });
});
