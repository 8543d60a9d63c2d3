import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@scion/contracts';
import type { Redis } from 'ioredis';

const renewScript = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end return 0`;
const releaseScript = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0`;

export interface HeldLock {
  /** The Redis key, and what it holds as long as the lock is ours: scripts compare before they write. */
  key: string;
  token: string;
}

export interface Locks {
  /**
   * Runs `work` while no other holder of this name does, in any process. Waits in line; throws `overloaded` when `work`
   * has not begun `waitMs` after this call. The lock serializes well-behaved writers; a process that freezes past the lock's life may overlap the
   * next one, so what `work` writes must stay defined even then.
   */
  hold<T>(name: string, work: (lock: HeldLock) => Promise<T>, options?: { waitMs?: number }): Promise<T>;
}

const busy = (): AppError =>
  new AppError('overloaded', 'Another request holds this resource; try again.', { retryAfterSeconds: 1 });

/** Waits for what never rejects; throws overloaded when it takes longer. */
async function within(waitMs: number, before: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(busy()), waitMs);
  });
  await Promise.race([before, late]).finally(() => clearTimeout(timer));
}

export function createLocks(options: { redis: Redis; lifeMs: number; waitMs: number }): Locks {
  const { redis, lifeMs } = options;
  const lines = new Map<string, Promise<unknown>>();

  /** Times are those of `performance.now()`. */
  async function acquire(lock: HeldLock, deadline: number): Promise<void> {
    for (let pauseMs = 2; ; pauseMs = Math.min(pauseMs * 2, 50)) {
      if ((await redis.set(lock.key, lock.token, 'PX', lifeMs, 'NX')) === 'OK') return;
      if (performance.now() > deadline) throw busy();
      await delay(pauseMs * (0.5 + Math.random()));
    }
  }

  async function holdInRedis<T>(
    name: string,
    work: (lock: HeldLock) => Promise<T>,
    deadline: number,
  ): Promise<T> {
    const lock = { key: `{scion}:lock:${name}`, token: randomUUID() };
    await acquire(lock, deadline);
    // A renewal that fails is tried again; after `lifeMs` without one another process may enter.
    const renewal = setInterval(() => {
      redis.eval(renewScript, 1, lock.key, lock.token, lifeMs).catch(() => undefined);
    }, lifeMs / 3);
    renewal.unref();
    try {
      return await work(lock);
    } finally {
      clearInterval(renewal);
      // Not released: it expires by itself, and the outcome of `work` stands.
      await redis.eval(releaseScript, 1, lock.key, lock.token).catch(() => undefined);
    }
  }

  return {
    hold(name, work, { waitMs = options.waitMs } = {}) {
      const deadline = performance.now() + waitMs;
      // Holders of one process queue here in order, so only one of them polls Redis.
      const before = lines.get(name);
      const turn = (before ? within(waitMs, before) : Promise.resolve()).then(() =>
        holdInRedis(name, work, deadline),
      );
      // One that was refused while it stood in line leaves those before it there. Of what they gave nothing is held on to:
      // a line that never empties would keep all of it.
      const settled = Promise.allSettled([before, turn]).then(() => undefined);
      lines.set(name, settled);
      void settled.then(() => {
        if (lines.get(name) === settled) lines.delete(name);
      });
      return turn;
    },
  };
}
