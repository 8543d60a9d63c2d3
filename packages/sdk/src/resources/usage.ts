import type * as contracts from '@scion/contracts';
import type { Usage as UsageReport } from '@scion/contracts';
import type { Query } from '../pages.js';
import type { CallOptions, Transport } from '../transport.js';

/** What the tenant uses; takes any key. */
export interface Usage {
  /** What is left of each quota, and what was used by day (default: the last 30). */
  get(range?: Query<contracts.UsageQuery>, options?: CallOptions): Promise<UsageReport>;
}

export function createUsage({ request }: Transport): Usage {
  return {
    get: ({ from, to } = {}, options) =>
      request({ method: 'GET', path: '/v1/usage', query: { from, to }, options }),
  };
}
