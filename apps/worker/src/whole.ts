import type { Redis } from 'ioredis';

/** When a worker last found that Redis lacks nothing, in milliseconds: what it was told until then it has as long as it has this. */
export const wholeKey = '{scion}:worker:whole';

const noteScript = `
if (redis.call('GET', KEYS[1]) or '') == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]) end`;

/**
 * Notes that Redis lacked nothing at a moment when the note before was `seen` in it. Where another stands there it is of
 * another worker, or of a snapshot from which a server was restored meanwhile: requests without a reply are sent again.
 */
export async function noteWhole(redis: Redis, seen: string | null, atMs: number): Promise<void> {
  await redis.eval(noteScript, 1, wholeKey, seen ?? '', atMs);
}
