import type { CacheState, PredictionSource, SystemState } from '@scion/contracts';
import type { QueueCounts } from '@scion/queue';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { App } from '../server.js';

/** What a scrape shows. Labels are routes, methods, statuses and other small closed sets: never a tenant or a user. */
export interface Metrics {
  request(labels: { method: string; route: string; status: number }, seconds: number): void;
  /** An adapter was loaded, in so many seconds. */
  adapterLoaded(seconds: number): void;
  predicted(source: PredictionSource, rows: number): void;
  readonly contentType: string;
  scrape(): Promise<string>;
}

export function createMetrics(options: {
  cacheState(): CacheState;
  trunkCacheState(): SystemState['trunkCache'];
  queueCounts(): Promise<QueueCounts>;
  /** Also report CPU, memory and event loop of the process, which costs a timer. */
  processMetrics: boolean;
}): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (options.processMetrics) collectDefaultMetrics({ register: registry });

  const requests = new Counter({
    name: 'scion_http_requests_total',
    help: 'Requests answered',
    labelNames: ['method', 'route', 'status'],
    registers,
  });
  const seconds = new Histogram({
    name: 'scion_http_request_seconds',
    help: 'Time from the request line to the last byte of the answer; of an event stream, its whole life',
    labelNames: ['method', 'route'],
    buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  });
  const rows = new Counter({
    name: 'scion_predicted_rows_total',
    help: 'Rows answered, by what answered them',
    labelNames: ['source'],
    registers,
  });

  const cache = (name: string, help: string, read: (state: CacheState) => number) =>
    new Gauge({
      name: `scion_adapter_cache_${name}`,
      help,
      registers,
      collect() {
        this.set(read(options.cacheState()));
      },
    });
  cache('bytes', 'Bytes of adapters in memory', (state) => state.bytes);
  cache('budget_bytes', 'The most bytes of adapters kept in memory', (state) => state.budgetBytes);
  cache('entries', 'Adapters in memory', (state) => state.entries);
  cache('hits', 'Lookups that found their adapter in memory, since the start', (state) => state.hits);
  cache('misses', 'Lookups that did not, since the start', (state) => state.misses);
  cache('loads', 'Adapters loaded, since the start', (state) => state.loads);
  cache('refusals', 'Look-ups answered by a remembered refusal', (state) => state.refusals);
  const loadSeconds = new Histogram({
    name: 'scion_adapter_load_seconds',
    help: 'Time from a miss to the decoded adapter',
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5],
    registers,
  });
  const trunk = (name: keyof SystemState['trunkCache'], help: string) =>
    new Gauge({
      name: `scion_trunk_cache_${name}`,
      help,
      registers,
      collect() {
        this.set(options.trunkCacheState()[name]);
      },
    });
  trunk('bytes', 'Bytes of cached outputs of the base’s lower layers');
  trunk('hits', 'Texts found in the trunk cache, since the start');
  trunk('misses', 'Texts not found in the trunk cache, since the start');
  cache('evictions', 'Adapters dropped for room, since the start', (state) => state.evictions);

  new Gauge({
    name: 'scion_queue_jobs',
    help: 'Jobs of the whole deployment, by kind and state',
    labelNames: ['kind', 'state'],
    registers,
    async collect() {
      this.reset();
      // Without Redis there is nothing to tell of the queue; the rest of the scrape is wanted all the more.
      const counts = await options.queueCounts().catch(() => undefined);
      if (!counts) return;
      const { training, deliveries } = counts;
      for (const [kind, states] of Object.entries({ training, deliveries })) {
        for (const [state, count] of Object.entries(states)) this.set({ kind, state }, count);
      }
    },
  });

  return {
    request({ method, route, status }, duration) {
      requests.inc({ method, route, status });
      seconds.observe({ method, route }, duration);
    },
    adapterLoaded: (duration) => loadSeconds.observe(duration),
    predicted: (source, count) => rows.inc({ source }, count),
    contentType: registry.contentType,
    scrape: () => registry.metrics(),
  };
}

/** Counts and logs each answered request, by the pattern of its route: a path may hold a user id. */
export function addRequestRecords(app: App, { metrics }: { metrics: Metrics }): void {
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    const { statusCode: status, elapsedTime } = reply;
    metrics.request({ method: knownMethod(request.method), route, status }, elapsedTime / 1000);
    request.log.info(
      { method: request.method, route, status, durationMs: Math.round(elapsedTime * 10) / 10 },
      'request answered',
    );
  });
}

/** Anybody may invent a method; the label must stay bounded. */
const knownMethod = (method: string): string =>
  ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'].includes(method) ? method : 'other';
