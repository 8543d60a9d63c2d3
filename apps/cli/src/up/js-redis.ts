/** js-redis-server on the given unix socket, until SIGTERM or the loss of its supervisor. */
import { rm } from 'node:fs/promises';
import { createRedisCommandExecutor, RedisServerState, Resp2Server } from 'js-redis-server/core';

// A Redis that nobody knows of must not be left behind.
process.once('disconnect', () => process.exit(0));
const path = process.argv[2]!;
// One that died leaves its socket, on which the next could not listen.
await rm(path, { force: true });
// It asks for no password: its owner alone may connect.
process.umask(0o177);
const { server } = new Resp2Server({
  server: new RedisServerState(),
  executor: createRedisCommandExecutor(),
});
// Not the library's own `listen`, which takes nothing but a port, and opens it to every machine around.
server.listen(path);
