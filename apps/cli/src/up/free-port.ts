import { once } from 'node:events';
import { createServer } from 'node:net';
import { UserError } from '../user-error.js';

/** Throws, naming the setting to change, where this machine does not let one listen on that port. */
export async function requireFreePort(host: string, port: number): Promise<void> {
  const server = createServer().listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UserError(
      code === 'EADDRINUSE'
        ? `another program listens on port ${port} of ${host}`
        : `cannot listen on port ${port} of ${host}: ${message}`,
      {
        hint:
          code === 'ENOTFOUND' || code === 'EADDRNOTAVAIL'
            ? '--host (or SCION_HOST) is an address of this machine, e.g. 127.0.0.1'
            : 'choose another with --port (or SCION_PORT), or end what uses it',
      },
    );
  }
  server.close();
  await once(server, 'close');
}
