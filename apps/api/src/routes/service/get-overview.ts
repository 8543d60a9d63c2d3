import { Overview, OverviewQuery } from '@scion/contracts';
import { type StreamEvent, sendEvents } from '../../http/event-stream.js';
import { readBacklog } from '../../overview/read-backlog.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function getOverview(
  app: App,
  deps: Pick<ApiDeps, 'registry' | 'queue' | 'meter' | 'clock' | 'settings'>,
): void {
  const { meter, settings } = deps;
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());
  app.get(
    '/v1/system/overview',
    {
      exposeHeadRoute: false,
      config: { problems: [] },
      schema: {
        operationId: 'getOverview',
        tags: ['system'],
        summary: 'How the whole service fares',
        description:
          'Series over a range of at most the last 24 hours, in at most 100 buckets; what workers train now; and alerts, each with a remedy. With `Accept: text/event-stream`: the same every few seconds; with neither end given, the range moves along.',
        querystring: OverviewQuery,
        response: { 200: Overview },
      },
    },
    async (request, reply) => {
      const read = async () => meter.overview(request.query, await readBacklog(deps));
      // Before the stream is open, so that a range that cannot be is a problem document.
      const first = await read();
      if (!request.headers.accept?.includes('text/event-stream')) return first;
      async function* repeat(signal: AbortSignal): AsyncGenerator<StreamEvent> {
        yield { event: 'overview', data: first };
        while (await pause(settings.overviewMs, signal)) yield { event: 'overview', data: await read() };
      }
      return sendEvents(reply, repeat, { heartbeatMs: settings.heartbeatMs, stop: closing.signal });
    },
  );
}

/** Resolves to true after `ms`, or to false as soon as the signal fires. */
function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((done) => {
    if (signal.aborted) return done(false);
    const finish = (whole: boolean) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      done(whole);
    };
    const stop = () => finish(false);
    const timer = setTimeout(finish, ms, true);
    signal.addEventListener('abort', stop);
  });
}
