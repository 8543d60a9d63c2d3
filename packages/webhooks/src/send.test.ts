import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import t, { type Test } from 'tap';
import { checkWebhookUrl, createSend } from './index.js';

async function receive(t: Test, answer: RequestListener, host = '127.0.0.1', port = 0): Promise<number> {
  const server = createServer(answer);
  server.listen(port, host);
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const post = { headers: { 'content-type': 'application/json' }, body: '{}' };
const relaxed = { allowPrivateAddresses: true };

t.test('posts the body and reports the status', async (t) => {
  let seen = '';
  const port = await receive(t, async (request, response) => {
    const parts = await request.toArray();
    seen = `${request.method} ${request.url} ${request.headers.host} ${Buffer.concat(parts)}`;
    response.writeHead(204).end();
  });
  const send = createSend(relaxed);
  t.same(await send({ ...post, url: `http://127.0.0.1:${port}/hook?a=1`, body: '{"b":2}' }), {
    status: 204,
    error: null,
  });
  t.equal(seen, `POST /hook?a=1 127.0.0.1:${port} {"b":2}`);
});

t.test('a name that was public when the webhook was made is refused once it turns inner', async (t) => {
  let connections = 0;
  const port = await receive(t, (_, response) => {
    connections++;
    response.end();
  });
  const answers = [['93.184.216.34'], ['127.0.0.1']];
  const rules = { allowPrivateAddresses: false, resolve: async () => answers.shift() ?? [] };
  const url = `https://rebind.example.com:${port}/`;
  await checkWebhookUrl(url, rules);
  t.same(await createSend(rules)({ ...post, url }), { status: null, error: 'address_refused' });
  t.equal(connections, 0);
});

t.test(
  'the address that was checked is the address connected to, whatever the resolver says next',
  async (t) => {
    if (process.platform !== 'linux')
      return t.pass('skipped: needs two loopback addresses, which only Linux has');
    const seen: string[] = [];
    const port = await receive(
      t,
      (_, response) => {
        seen.push('checked');
        response.end();
      },
      '127.0.0.2',
    );
    await receive(
      t,
      (_, response) => {
        seen.push('inner');
        response.end();
      },
      '127.0.0.1',
      port,
    );
    const answers = [['127.0.0.2'], ['127.0.0.1'], ['127.0.0.1']];
    let questions = 0;
    const send = createSend({
      allowPrivateAddresses: true,
      isAllowedAddress: (address) => address !== '127.0.0.1',
      resolve: async () => {
        questions++;
        return answers.shift() ?? [];
      },
    });
    const url = `http://rebind.example.com:${port}/`;
    t.equal((await send({ ...post, url })).status, 200);
    t.equal(questions, 1, 'one question a request');
    t.equal((await send({ ...post, url })).error, 'address_refused');
    t.same(seen, ['checked'], 'and no connection is kept for the next request');
  },
);

t.test('an inner literal address and plain http are refused without a connection', async (t) => {
  let connections = 0;
  const port = await receive(t, () => connections++);
  const send = createSend({ allowPrivateAddresses: false });
  t.equal((await send({ ...post, url: `https://127.0.0.1:${port}/` })).error, 'address_refused');
  t.equal((await send({ ...post, url: `https://[::1]:${port}/` })).error, 'address_refused');
  t.equal((await send({ ...post, url: `http://127.0.0.1:${port}/` })).error, 'url_refused');
  t.equal(connections, 0);
});

t.test('a redirect is reported and not followed', async (t) => {
  const seen: (string | undefined)[] = [];
  const port = await receive(t, (request, response) => {
    seen.push(request.url);
    response.writeHead(307, { location: '/elsewhere' }).end();
  });
  t.equal((await createSend(relaxed)({ ...post, url: `http://127.0.0.1:${port}/` })).status, 307);
  t.same(seen, ['/']);
});

t.test('an endless answer is cut off, and its status stands', async (t) => {
  let sentBytes = 0;
  let closed = () => {};
  const cut = new Promise<void>((done) => {
    closed = done;
  });
  const port = await receive(t, (_, response) => {
    response.writeHead(200);
    const part = Buffer.alloc(16 * 1024);
    const more = () => {
      while (!response.destroyed) {
        sentBytes += part.length;
        if (!response.write(part)) return response.once('drain', more);
      }
    };
    response.on('close', closed);
    more();
  });
  const send = createSend({ ...relaxed, maxResponseBytes: 32 * 1024 });
  t.equal((await send({ ...post, url: `http://127.0.0.1:${port}/` })).status, 200);
  await cut;
  t.ok(sentBytes < 64 * 1024 * 1024, 'what socket buffers hold, not what the receiver would send');
});

t.test('one time limit covers the resolver, the silence before an answer, and its trickle', async (t) => {
  const silent = await receive(t, () => {});
  const trickling = await receive(t, (_, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write('.'), 5);
    response.on('close', () => clearInterval(timer));
  });
  const send = createSend({ ...relaxed, timeoutMs: 100 });
  t.same(await send({ ...post, url: `http://127.0.0.1:${silent}/` }), { status: null, error: 'timeout' });
  t.equal((await send({ ...post, url: `http://127.0.0.1:${trickling}/` })).status, 200);
  const stuck = createSend({ ...relaxed, timeoutMs: 100, resolve: () => new Promise(() => {}) });
  t.equal((await stuck({ ...post, url: 'http://stuck.example.com/' })).error, 'timeout');
});

t.test('each way of not answering has a name', async (t) => {
  const send = createSend(relaxed);
  const closed = createTcpServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as AddressInfo;
  await new Promise((done) => closed.close(done));
  t.equal((await send({ ...post, url: `http://127.0.0.1:${port}/` })).error, 'connection_failed');

  const plain = await receive(t, (_, response) => response.end());
  t.equal((await send({ ...post, url: `https://127.0.0.1:${plain}/` })).error, 'tls_failed');

  const garbage = createTcpServer((peer) => peer.end('SSH-2.0-hello\r\n\r\n')).listen(0, '127.0.0.1');
  await once(garbage, 'listening');
  t.teardown(() => garbage.close());
  const garbagePort = (garbage.address() as AddressInfo).port;
  t.equal((await send({ ...post, url: `http://127.0.0.1:${garbagePort}/` })).error, 'response_invalid');

  const unknown = createSend({
    ...relaxed,
    resolve: () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' })),
  });
  t.equal((await unknown({ ...post, url: 'http://unknown.example.com/' })).error, 'host_not_found');

  const stop = new AbortController();
  const silent = await receive(t, () => stop.abort());
  const aborted = await send({ ...post, url: `http://127.0.0.1:${silent}/`, signal: stop.signal });
  t.equal(aborted.error, 'aborted');
});
