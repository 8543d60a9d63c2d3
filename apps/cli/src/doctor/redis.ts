import { Redis } from 'ioredis';
import { bytes } from '../terminal/format.js';
import { bad, type Check, type Finding, good, skipped, warning } from './finding.js';

const oldestRedis = [6, 2] as const;
/** Beyond this, times in records and leases disagree visibly. */
const largestSkewMs = 2_000;

/** Reachability, version, policy, persistence; then whether its clock agrees with ours. */
export function redisChecks(url: string | undefined): Check[] {
  const none = async (): Promise<Finding> =>
    skipped('no Redis is known: scion up brings one, or give --redis');
  if (url === undefined) return [{ name: 'Redis', look: none }];
  return [
    { name: 'Redis', look: () => withRedis(url, lookAtServer) },
    {
      name: 'clock',
      look: () => withRedis(url, lookAtClock, () => skipped('unknown: Redis does not answer')),
    },
  ];
}

async function withRedis(
  url: string,
  look: (redis: Redis) => Promise<Finding>,
  unreachable = (reason: string): Finding =>
    bad(
      `does not answer: ${reason}`,
      'start it, or correct REDIS_URL; the password and rediss:// for TLS belong into the URL',
    ),
): Promise<Finding> {
  const redis = new Redis(url, { maxRetriesPerRequest: 0, connectTimeout: 5_000, retryStrategy: () => null });
  let reason: string | undefined;
  redis.on('error', (error) => {
    reason = error.message;
  });
  try {
    await redis.ping();
  } catch (error) {
    redis.disconnect();
    return unreachable(reason ?? (error as Error).message);
  }
  try {
    return await look(redis);
  } finally {
    redis.disconnect();
  }
}

async function lookAtServer(redis: Redis): Promise<Finding> {
  const info = new Map(
    (await redis.info())
      .split('\r\n')
      .map((line) => line.split(':'))
      .flatMap(([name, value]) => (value === undefined ? [] : [[name!, value]])) as [string, string][],
  );
  const valkey = info.get('valkey_version');
  const version = info.get('redis_version') ?? '0';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const found = `${valkey ? `Valkey ${valkey}` : `Redis ${version}`}, ${bytes(Number(info.get('used_memory') ?? 0))} used`;
  if (major < oldestRedis[0] || (major === oldestRedis[0] && minor < oldestRedis[1]))
    return bad(found, `use Redis ${oldestRedis.join('.')} or newer, or Valkey`);
  const policy = info.get('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction')
    return bad(
      `${found}, evicts keys (${policy})`,
      'set maxmemory-policy noeviction: queued jobs must not vanish',
    );
  if (info.get('loading') === '1')
    return warning(`${found}, still loading its file`, 'wait until it is done');
  if (info.get('aof_enabled') !== '1')
    return warning(
      `${found}, no append-only file`,
      'set appendonly yes; without it a restart costs a rebuild from the objects, though no data',
    );
  return good(`${found}, append-only file on, evicts nothing`);
}

async function lookAtClock(redis: Redis): Promise<Finding> {
  const before = Date.now();
  const [seconds, micros] = (await redis.time()).map(Number);
  const after = Date.now();
  const theirs = seconds! * 1_000 + micros! / 1_000;
  // Within the round trip they may differ without either being wrong.
  const skew = theirs < before ? before - theirs : theirs > after ? theirs - after : 0;
  return skew > largestSkewMs
    ? bad(`differs from Redis by ${Math.round(skew)} ms`, 'run an NTP client on both machines')
    : good('agrees with that of Redis');
}
