import type { Clock } from '@scion/contracts';
import type { Redis } from 'ioredis';

/** A tenant's window after a request asked for its rows. */
export interface QuotaState {
  /** Whether the rows were taken; otherwise none was. */
  granted: boolean;
  limit: number;
  remaining: number;
  /** Seconds until the rows asked for would be granted, or, once granted, until the window holds none any more. */
  resetSeconds: number;
}

export interface PredictQuota {
  /** Takes rows if fewer than `limit` were taken in the last minute; without a limit that of the deployment holds. */
  take(tenantId: string, rows: number, limit?: number): Promise<QuotaState>;
  /** Rows taken in the last minute; null when Redis cannot be asked. */
  used(tenantId: string): Promise<number | null>;
  /** The deployment's limit. */
  rowsPerMinute: number;
}

const windowSeconds = 60;

/**
 * A sliding window in steps of a second: a hash of the rows taken in each of the last 60. Rows are taken only when
 * there is room, in one step, so that refused requests cannot hold the window full.
 * ARGV: now, window, rows, limit. Returns whether granted, rows used, and seconds to wait.
 */
const takeScript = `
local now, window, rows, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local taken = redis.call('HGETALL', KEYS[1])
local used, oldest = 0, {}
for at = 1, #taken, 2 do
  local second, count = tonumber(taken[at]), tonumber(taken[at + 1])
  if second <= now - window or second > now + window then redis.call('HDEL', KEYS[1], taken[at])
  else
    used = used + count
    oldest[#oldest + 1] = { second, count }
  end
end
table.sort(oldest, function(a, b) return a[1] < b[1] end)
if used + rows <= limit then
  if rows > 0 then
    redis.call('HINCRBY', KEYS[1], now, rows)
    redis.call('EXPIRE', KEYS[1], window + 1)
  end
  return { 1, used + rows, window }
end
local wait, kept = window, used
for _, entry in ipairs(oldest) do
  kept = kept - entry[2]
  if kept + rows <= limit then
    wait = entry[1] + window - now
    break
  end
end
return { 0, used, wait }`;

/**
 * Rows a minute and tenant, for all API processes together. Without Redis it lets everything pass: it protects from a
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
  async function ask(tenantId: string, rows: number, limit: number): Promise<[number, number, number]> {
    const now = Math.floor(clock() / 1_000);
    const key = `{scion}:quota:predict:${tenantId}`;
    return (await redis.eval(takeScript, 1, key, now, windowSeconds, rows, limit)) as [
      number,
      number,
      number,
    ];
  }
  return {
    rowsPerMinute,
    async take(tenantId, rows, limit = rowsPerMinute) {
      try {
        const [granted, used, resetSeconds] = await ask(tenantId, rows, limit);
        return { granted: granted === 1, limit, remaining: Math.max(0, limit - used), resetSeconds };
      } catch (error) {
        onUnavailable(error);
        return { granted: true, limit, remaining: limit, resetSeconds: windowSeconds };
      }
    },
    async used(tenantId) {
      try {
        return (await ask(tenantId, 0, Number.MAX_SAFE_INTEGER))[1];
      } catch (error) {
        onUnavailable(error);
        return null;
      }
    },
  };
}
