import type { Clock } from '@scion/contracts';
import type { Redis } from 'ioredis';

/** A tenant's window after a request asked for its rows. */
export interface QuotaState {
  /** Whether the rows were taken; otherwise none was. */
  granted: boolean;
  limit: number;
  remaining: number;
  /** Seconds until the window ends. */
  resetSeconds: number;
}

export interface PredictQuota {
  /** Takes rows from the tenant's present window if it has so many left. */
  take(tenantId: string, rows: number): Promise<QuotaState>;
}

const windowSeconds = 60;

/** Takes only when there is room, in one step, so that refused requests cannot hold the window full. */
const takeScript = `
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
local rows, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
if used + rows > limit then return -1 - used end
redis.call('INCRBY', KEYS[1], rows)
redis.call('EXPIRE', KEYS[1], ARGV[3])
return used + rows`;

/**
 * Rows per minute and tenant, counted in fixed windows in Redis, thus for all API processes together. A tenant can at
 * worst use two windows' rows around the turn of a minute. Without Redis it lets everything pass: it protects from a
 * runaway client, it does not guard anything.
 *
 * @param onUnavailable called with the reason each time Redis could not be asked
 */
export function createPredictQuota({
  redis,
  clock,
  rowsPerMinute,
  onUnavailable,
}: {
  redis: Redis;
  clock: Clock;
  rowsPerMinute: number;
  onUnavailable(error: unknown): void;
}): PredictQuota {
  return {
    async take(tenantId, rows) {
      const seconds = clock() / 1000;
      const window = Math.floor(seconds / windowSeconds);
      const resetSeconds = Math.max(1, Math.ceil((window + 1) * windowSeconds - seconds));
      let used: number;
      try {
        const key = `{scion}:quota:predict:${tenantId}:${window}`;
        used = Number(await redis.eval(takeScript, 1, key, rows, rowsPerMinute, 2 * windowSeconds));
      } catch (error) {
        onUnavailable(error);
        return { granted: true, limit: rowsPerMinute, remaining: rowsPerMinute, resetSeconds };
      }
      const granted = used >= 0;
      const taken = granted ? used : -1 - used;
      return { granted, limit: rowsPerMinute, remaining: rowsPerMinute - taken, resetSeconds };
    },
  };
}
