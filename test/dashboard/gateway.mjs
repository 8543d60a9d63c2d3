// What stands between a browser and the service, and can fail as real ones do.
import { once } from 'node:events';
import { createServer, request } from 'node:http';

/**
 * Passes everything on to `target`, until `fails` says otherwise: `down` breaks every connection, `hangs` answers
 * nothing, a number is the status that is answered in its place.
 */
export async function startGateway(target) {
  const sockets = new Set();
  let fault;
  const server = createServer((from, to) => {
    from.on('error', () => {});
    if (fault === 'hangs') return;
    if (typeof fault === 'number') {
      to.writeHead(fault, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>');
      return;
    }
    const { url, method, headers } = from;
    const onward = request(new URL(url, target), { method, headers }, (answer) => {
      to.writeHead(answer.statusCode, answer.headers);
      answer.pipe(to);
      answer.on('error', () => to.destroy());
    });
    to.on('close', () => onward.destroy());
    onward.on('error', () => to.destroy());
    from.pipe(onward);
  });
  server.on('connection', (socket) => {
    if (fault === 'down') {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const breakAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    /** What is under way breaks, unless it is to hang. Without a fault all is well again. */
    fails(how) {
      fault = how;
      if (how !== 'hangs') breakAll();
    },
    async close() {
      server.close();
      breakAll();
      await once(server, 'close');
    },
  };
}
