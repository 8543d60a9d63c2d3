import { type Clock, type JobEvent, timestamp } from '@scion/contracts';
import type { Redis } from 'ioredis';
import type { Hub } from './hub.js';
import type { EventPosition, JobEvents, JobEventWriter, NewJobEvent } from './queue.js';

/** A job of a thousand metrics a second would fill Redis; beyond this many events only states and stages are kept. */
const metricCap = 20_000;
const endedSeconds = 86_400;
const openSeconds = 7 * 86_400;

// Stream entries are numbered `<seq>-0`, so a sequence without gaps is a range without gaps. The hash beside it holds
// `epoch` (the run: grows with each attempt), `kept` (entries that outlived the last reset) and `last` (the highest seq).
const appendScript = `
local epoch = redis.call('hget', KEYS[2], 'epoch') or '0'
if ARGV[1] ~= '' and ARGV[1] ~= epoch then return {0, 0} end
local seq = tonumber(redis.call('hget', KEYS[2], 'last') or '0') + 1
if ARGV[3] == 'metric' and seq > tonumber(ARGV[4]) then return {0, 0} end
redis.call('xadd', KEYS[1], seq .. '-0', 'event', ARGV[2], 'kind', ARGV[3], 'run', epoch)
redis.call('hset', KEYS[2], 'last', seq)
redis.call('expire', KEYS[1], ARGV[5])
redis.call('expire', KEYS[2], ARGV[5])
redis.call('publish', ARGV[6], seq)
return {seq, tonumber(epoch)}`;

const openScript = `
local first = redis.call('xrange', KEYS[1], '-', '+', 'COUNT', 1)[1]
local kept = 0
redis.call('del', KEYS[1])
if first and first[2][4] == 'queued' then
  kept = 1
  redis.call('xadd', KEYS[1], '1-0', 'event', first[2][2], 'kind', 'queued', 'run', first[2][6] or '0')
  redis.call('expire', KEYS[1], ARGV[1])
end
-- A moment rather than a count, so that it grows also when Redis has lost the one before.
local epoch = math.max(tonumber(redis.call('hget', KEYS[2], 'epoch') or '0') + 1, tonumber(ARGV[3]))
epoch = string.format('%.0f', epoch)
redis.call('hset', KEYS[2], 'epoch', epoch, 'last', kept, 'kept', kept)
redis.call('expire', KEYS[2], ARGV[1])
redis.call('publish', ARGV[2], kept)
return epoch`;

interface Snapshot {
  epoch: number;
  kept: number;
  last: number;
  events: JobEvent[];
}

const isEnd = ({ type, state }: Pick<JobEvent, 'type' | 'state'>): boolean =>
  type === 'state' && (state === 'succeeded' || state === 'failed' || state === 'cancelled');

export function createJobEvents(options: {
  redis: Redis;
  hub: Hub;
  clock: Clock;
  prefix: string;
}): JobEvents {
  const { redis, hub, clock, prefix } = options;
  const streamOf = (jobId: string): string => `${prefix}:events:${jobId}`;
  const metaOf = (jobId: string): string => `${prefix}:events-meta:${jobId}`;
  const channelOf = streamOf;

  async function append(jobId: string, event: NewJobEvent, epoch: string): Promise<JobEvent | undefined> {
    const at = timestamp(clock);
    const kind = event.type === 'state' ? (event.state ?? 'state') : event.type;
    const [seq, run] = (await redis.eval(
      appendScript,
      2,
      ...[streamOf(jobId), metaOf(jobId)],
      ...[epoch, JSON.stringify({ at, ...event }), kind, metricCap],
      ...[isEnd(event) ? endedSeconds : openSeconds, channelOf(jobId)],
    )) as [number, number];
    return seq === 0 ? undefined : { seq, run, at, ...event };
  }

  async function snapshot(jobId: string, afterSeq: number): Promise<Snapshot> {
    const replies = await redis
      .multi()
      .hmget(metaOf(jobId), 'epoch', 'kept', 'last')
      .xrange(streamOf(jobId), `(${afterSeq}`, '+')
      .exec();
    const [[metaError, meta] = [], [rangeError, range] = []] = replies ?? [];
    if (metaError ?? rangeError) throw metaError ?? rangeError;
    const [epoch, kept, last] = (meta as (string | null)[]).map(Number);
    return {
      ...{ epoch: epoch ?? 0, kept: kept ?? 0, last: last ?? 0 },
      events: (range as [string, string[]][]).map(([id, fields]) => ({
        seq: Number.parseInt(id, 10),
        run: Number(fields[5] ?? 0),
        ...(JSON.parse(fields[1] ?? '') as Omit<JobEvent, 'seq' | 'run'>),
      })),
    };
  }

  async function* subscribe(
    jobId: string,
    after: number | EventPosition,
    signal?: AbortSignal,
  ): AsyncGenerator<JobEvent> {
    const { seq: afterSeq, run } = typeof after === 'number' ? { seq: after, run: undefined } : after;
    let news = true;
    let wake = (): void => {};
    const onNews = (): void => {
      news = true;
      wake();
    };
    if (signal?.aborted) return;
    signal?.addEventListener('abort', onNews, { once: true });
    const stop = await hub.listen(channelOf(jobId), onNews);
    let seen = afterSeq;
    // Whoever knows of which attempt its last event was gets all of another one, however long that is already.
    let epoch = run;
    try {
      while (!signal?.aborted) {
        if (!news) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        news = false;
        let now = await snapshot(jobId, seen);
        // A new attempt began (as the epoch tells, or a sequence shorter than what the caller has seen).
        if ((epoch !== undefined && now.epoch !== epoch) || now.last < seen) {
          seen = Math.min(seen, now.kept);
          now = await snapshot(jobId, seen);
        }
        epoch = now.epoch;
        for (const event of now.events) {
          if (signal?.aborted) return;
          yield event;
          seen = event.seq;
          if (isEnd(event)) return;
        }
      }
    } finally {
      signal?.removeEventListener('abort', onNews);
      stop();
    }
  }

  return {
    append: (jobId, event) => append(jobId, event, ''),
    async open(jobId): Promise<JobEventWriter> {
      const epoch = await redis.eval(
        openScript,
        2,
        ...[streamOf(jobId), metaOf(jobId)],
        ...[openSeconds, channelOf(jobId), clock()],
      );
      return { append: (event) => append(jobId, event, epoch as string) };
    },
    async read(jobId, afterSeq = 0) {
      return (await snapshot(jobId, afterSeq)).events;
    },
    async erase(jobId) {
      await redis.unlink(streamOf(jobId), metaOf(jobId));
      // Whoever listens finds nothing any more.
      await redis.publish(channelOf(jobId), '0');
    },
    subscribe: (jobId, after = 0, signal) => subscribe(jobId, after, signal),
  };
}
