import type { Redis } from 'ioredis';

/** What ioredis keeps of commands that were sent on a lost connection; not in its types. */
interface Unanswered {
  prevCommandQueue?: { shift(): { command: { reject(error: Error): void } } | undefined } | null;
}

/**
 * Lets a connection, and duplicates of it, be closed between two attempts to reconnect. There ioredis' own `disconnect` only stops
 * the attempts: it neither emits `end` nor settles what had been sent (redis/ioredis#2169), and BullMQ, whose blocking
 * connection is a duplicate of the one it is given, waits for both when a worker closes (taskforcesh/bullmq#4656).
 */
export function closable<R extends Pick<Redis, 'disconnect' | 'duplicate' | 'status'>>(redis: R): R {
  const disconnect = redis.disconnect.bind(redis);
  const duplicate = redis.duplicate.bind(redis);
  redis.duplicate = ((override: object) => closable(duplicate(override))) as R['duplicate'];
  redis.disconnect = (reconnect = false) => {
    const between = redis.status === 'reconnecting' && !reconnect;
    // What ioredis calls a connection that has no socket and makes none: one that ends at once.
    if (between) redis.status = 'wait';
    disconnect(reconnect);
    if (!between) return;
    const { prevCommandQueue: sent } = redis as Unanswered;
    for (let item = sent?.shift(); item; item = sent?.shift()) {
      item.command.reject(new Error('Connection is closed.'));
    }
  };
  return redis;
}
