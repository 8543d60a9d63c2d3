import { get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import t from 'tap';
import { type StreamEvent, sendEvents } from './event-stream.js';

t.test('a reader that does not read holds the source back, and one that leaves ends it', async (t) => {
  const many = 200_000;
  let taken = 0;
  let signalled = false;
  let ended: () => void = () => {};
  const end = new Promise<void>((done) => {
    ended = done;
  });
  async function* source(signal: AbortSignal): AsyncGenerator<StreamEvent> {
    signal.addEventListener('abort', () => {
      signalled = true;
    });
    try {
      while (taken < many) {
        taken += 1;
        yield { id: taken, event: 'metric', data: 'x'.repeat(1_000) };
      }
    } finally {
      ended();
    }
  }
  const app = fastify();
  app.decorateRequest('isStillWelcome', async () => true);
  t.teardown(() => app.close());
  const stop = new AbortController().signal;
  app.get('/', async (_request, reply) => sendEvents(reply, source, { heartbeatMs: 60_000, stop }));
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  await new Promise<void>((done, fail) => {
    const request = get({ host: '127.0.0.1', port }, (response) => {
      response.once('data', () => {
        request.destroy();
        done();
      });
    });
    request.once('error', fail);
  });
  await end;
  t.ok(signalled, 'its signal fired');
  t.ok(taken < many, `${taken} of ${many} events were taken`);
});
