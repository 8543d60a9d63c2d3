import type { Clock } from '@scion/contracts';
import type { Redis, Result } from 'ioredis';

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
 * A sliding window in steps of a second: a hash of the rows taken in each of the last 60, their `total`, and `through`, the
 * last second that has left the window. So a request looks at the seconds that went by since the one before, and at all of
 * them only when it is refused. Rows are taken only when there is room, in one step, so that refused requests cannot hold
 * the window full. What another clock, a window or more ahead, has written is dropped.
 * ARGV: now, window, rows, limit. Returns whether granted, rows used, and seconds to wait.
 */
const takeScript = `
local key = KEYS[1]
local now, window, rows, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local kept = redis.call('HMGET', key, 'through', 'total')
local through, total = tonumber(kept[1]), tonumber(kept[2])
if through and (through >= now or now - window - through >= window) then
  redis.call('DEL', key)
  through = nil
end
if not through then through, total = now - window, 0 end
for second = through + 1, now - window do
  total = total - (tonumber(redis.call('HGET', key, second)) or 0)
  redis.call('HDEL', key, second)
end
if through < now - window then
  through = now - window
  redis.call('HSET', key, 'through', through, 'total', total)
end
if total + rows <= limit then
  if rows > 0 then
    local isFirst = redis.call('HINCRBY', key, now, rows) == rows
    redis.call('HSET', key, 'through', through, 'total', total + rows)
    if isFirst then redis.call('EXPIRE', key, window + 1) end
  end
  return { 1, total + rows, window }
end
local taken, seconds = redis.call('HGETALL', key), {}
for at = 1, #taken, 2 do
  local second = tonumber(taken[at])
  if second then seconds[#seconds + 1] = { second, tonumber(taken[at + 1]) } end
end
table.sort(seconds, function(a, b) return a[1] < b[1] end)
local wait, left = window, total
for _, entry in ipairs(seconds) do
  left = left - entry[2]
  if left + rows <= limit then
    wait = entry[1] + window - now
    break
  end
end
return { 0, total, wait }`;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    takePredictRows(
      key: string,
      now: number,
      window: number,
      rows: number,
      limit: number,
    ): Result<[granted: number, used: number, wait: number], Context>;
  }
}

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
  // Sent by its hash: the text of the script is longer than most requests.
  redis.defineCommand('takePredictRows', { numberOfKeys: 1, lua: takeScript });
  const ask = (tenantId: string, rows: number, limit: number) => {
    const now = Math.floor(clock() / 1_000);
    return redis.takePredictRows(`{scion}:quota:predict:${tenantId}`, now, windowSeconds, rows, limit);
  };
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
