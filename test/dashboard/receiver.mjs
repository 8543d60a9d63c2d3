// A webhook endpoint that remembers what it was sent.
import { once } from 'node:events';
import { createServer } from 'node:http';

export async function startReceiver() {
  const received = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part) => {
      body += part;
    });
    request.on('end', () => {
      received.push({ id: request.headers['webhook-id'], ...JSON.parse(body) });
      response.writeHead(204).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}/hook`,
    received,
    close: () => new Promise((done) => server.close(done)),
  };
}
