import type { Redis, RedisOptions } from 'ioredis';

export interface Hub {
  /** Calls `listener` on each message, and after a lost connection, when any number may have been missed. */
  listen(channel: string, listener: (message: string | undefined) => void): Promise<() => void>;
  close(): void;
}

/** One subscriber connection for all channels of a process; a channel is subscribed while it has listeners. */
export function createHub(connect: (options: RedisOptions) => Redis, onError: (error: Error) => void): Hub {
  const channels = new Map<string, Set<(message: string | undefined) => void>>();
  let connection: Redis | undefined;

  function connected(): Redis {
    if (connection) return connection;
    // What ioredis subscribes again is a promise of its own: failing while this closes, it would end the process.
    const made = connect({ maxRetriesPerRequest: null, autoResubscribe: false });
    made.on('message', (channel: string, message: string) => {
      for (const listener of channels.get(channel) ?? []) listener(message);
    });
    made.on('ready', () => {
      if (channels.size === 0) return;
      // Once subscribed again, nothing published from now on is missed.
      made.subscribe(...channels.keys()).then(() => {
        for (const listeners of channels.values()) for (const listener of listeners) listener(undefined);
      }, onError);
    });
    connection = made;
    return made;
  }

  return {
    async listen(channel, listener) {
      const listeners = channels.get(channel) ?? new Set();
      channels.set(channel, listeners);
      listeners.add(listener);
      // Subscribing again is harmless, and the reply says that messages from now on arrive.
      await connected().subscribe(channel);
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0 || channels.get(channel) !== listeners) return;
        channels.delete(channel);
        connection?.unsubscribe(channel).catch(onError);
      };
    },
    close() {
      connection?.disconnect();
    },
  };
}
