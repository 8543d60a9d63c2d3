import type { Overview, Page, ProcessCache, SystemState } from '@scion/contracts';
import { type OverviewQuery, type WatchOptions, watchOverview } from '../overview-stream.js';
import type { CallOptions, Transport } from '../transport.js';

/** The service itself; needs an operator key. */
export interface System {
  get(options?: CallOptions): Promise<SystemState>;
  /** Which models are in memory, by API process. */
  caches(options?: CallOptions): Promise<ProcessCache[]>;
  /** Series over a range (default: the last hour), what happens now, and alerts. */
  overview(range?: OverviewQuery, options?: CallOptions): Promise<Overview>;
  /** The same again every few seconds, until the signal fires or the loop is left; a broken stream is opened anew. */
  watch(range?: OverviewQuery, options?: WatchOptions): AsyncIterable<Overview>;
}

export function createSystem(transport: Transport): System {
  const { request } = transport;
  return {
    get: (options) => request({ method: 'GET', path: '/v1/system', options }),
    async caches(options) {
      const page: Page<ProcessCache> = await request({ method: 'GET', path: '/v1/system/caches', options });
      return page.data;
    },
    overview: ({ from, to } = {}, options) =>
      request({ method: 'GET', path: '/v1/system/overview', query: { from, to }, options }),
    watch: (range, options) => watchOverview(transport, range, options),
  };
}
