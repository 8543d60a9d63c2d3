/** js-redis-server on the given port, until SIGTERM or the loss of its supervisor. */
import { createRedisServer } from 'js-redis-server';

// An open Redis that nobody knows of must not be left behind.
process.once('disconnect', () => process.exit(0));
await createRedisServer({ port: Number(process.argv[2]) });
