import { once } from 'node:events';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { buffer } from 'node:stream/consumers';

/**
 * A fetch that waits until its signal says otherwise: Node's own gives up after five minutes without an answer's headers,
 * which come when the service is done. It follows no redirect, and reads the answer whole before it returns.
 */
export const patientFetch: typeof globalThis.fetch = async (input, init = {}) => {
  const url = new URL(String(input));
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  const request = send(url, {
    method: init.method,
    headers: init.headers as Record<string, string>,
    signal: init.signal ?? undefined,
  });
  request.end(init.body ?? undefined);
  const [response] = await once(request, 'response');
  return new Response(await buffer(response), {
    status: response.statusCode,
    headers: response.headers,
  });
};
