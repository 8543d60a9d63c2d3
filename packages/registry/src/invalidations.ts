import type { Redis } from 'ioredis';

const channel = '{scion}:registry:invalidate';

/** Which cache a message is about. */
/** `erased` is no cache: whoever attaches to it drops what it holds of a model. */
export type CacheName = 'key' | 'labels' | 'live' | 'task' | 'tenant' | 'erased';
export interface Forgetful {
  invalidate(key: string): void;
  clear(): void;
}

export interface Invalidations {
  /** Forgets `key` here at once and in other processes as soon as they hear of it. */
  announce(cache: CacheName, key: string): Promise<void>;
  attach(cache: CacheName, target: Forgetful): void;
  close(): Promise<void>;
}

/**
 * Pub/sub between the caches of all processes. A message may be lost, so each cache also bounds the age of what it
 * keeps; after a lost connection everything is forgotten.
 */
export async function createInvalidations(options: {
  redis: Redis;
  onConnected(): void;
  onError(error: Error): void;
}): Promise<Invalidations> {
  const targets = new Map<CacheName, Forgetful[]>();
  const invalidate = (cache: CacheName, key: string): void => {
    for (const target of targets.get(cache) ?? []) target.invalidate(key);
  };
  // What ioredis subscribes again is a promise of its own: failing while this closes, it would end the process.
  const subscriber = options.redis.duplicate({ maxRetriesPerRequest: null, autoResubscribe: false });
  subscriber.on('error', options.onError);
  subscriber.on('message', (_channel: string, message: string) => {
    const space = message.indexOf(' ');
    invalidate(message.slice(0, space) as CacheName, message.slice(space + 1));
  });
  await subscriber.subscribe(channel);
  subscriber.on('ready', () => {
    // Forgotten once messages arrive again: what was read before may have changed unheard.
    subscriber.subscribe(channel).then(() => {
      for (const target of [...targets.values()].flat()) target.clear();
      options.onConnected();
    }, options.onError);
  });

  return {
    attach(cache, target) {
      targets.set(cache, [...(targets.get(cache) ?? []), target]);
    },
    async announce(cache, key) {
      invalidate(cache, key);
      await options.redis.publish(channel, `${cache} ${key}`);
    },
    async close() {
      subscriber.removeAllListeners('ready');
      subscriber.disconnect();
    },
  };
}
