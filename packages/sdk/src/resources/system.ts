import type { SystemState } from '@scion/contracts';
import type { CallOptions, Transport } from '../transport.js';

/** The service itself; needs an operator key. */
export interface System {
  get(options?: CallOptions): Promise<SystemState>;
}

export function createSystem({ request }: Transport): System {
  return { get: (options) => request({ method: 'GET', path: '/v1/system', options }) };
}
