import type { IncomingMessage } from 'node:http';
import type { NewId } from '@scion/contracts';

/** Takes over the caller's `x-request-id` where it is plain enough for a log line and a header, else makes one. */
export function requestIdFrom(newId: NewId): (request: IncomingMessage) => string {
  return ({ headers }) => {
    const given = headers['x-request-id'];
    return typeof given === 'string' && /^[\w.-]{1,128}$/.test(given) ? given : newId('request');
  };
}
