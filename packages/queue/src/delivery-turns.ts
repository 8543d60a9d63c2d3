import type { Clock } from '@scion/contracts';
import { PutBack } from './consumer.js';
import type { DeliveryPayload } from './job-table.js';

/** Of a worker's slots one tenant has at most this share: an endpoint that never answers holds a slot for 10 s. */
const tenantShare = 1 / 4;
/** A delivery that found no turn looks again no sooner than this … */
const againMs = 1_000;
/** … and those of one line no closer than this, so that a worker with a long line is not busy with putting back. */
const apartMs = 20;

/** What attempts take turns in: those of a tenant, of one of its webhooks, or its pings. */
interface Line {
  most: number;
  running: number;
  /** The last attempt here failed; until one succeeds they are made one at a time. */
  failing: boolean;
  /** When the delivery that was put back last looks again, in milliseconds since the epoch. */
  backAt: number;
}

/**
 * Bounds the attempts that one worker has in flight for a tenant, and for a webhook that fails. What is beyond is put
 * back, with its attempts unspent. What is known of a webhook is what this worker saw: to read its record would cost a
 * request to the store for each look.
 */
export function createDeliveryTurns(slots: number, clock: Clock) {
  const share = Math.ceil(slots * tenantShare);
  const lines = new Map<string, Line>();

  function lineOf(name: string, most: number): Line {
    const line = lines.get(name) ?? { most, running: 0, failing: false, backAt: 0 };
    lines.set(name, line);
    return line;
  }

  /** Throws PutBack if it is not this delivery's turn. */
  return async (
    { tenantId, webhookId, type }: DeliveryPayload,
    attempt: () => Promise<void>,
  ): Promise<void> => {
    // A ping, for which a person waits, does not stand behind the events that its webhook did not take.
    const names = type === 'ping' ? [`${tenantId} ping`] : [webhookId, tenantId];
    const own = names.map((name) => lineOf(name, type === 'ping' ? 1 : share));
    const full = own.find(({ most, running, failing }) => running >= (failing ? 1 : most));
    const now = clock();
    if (full) {
      full.backAt = Math.max(now + againMs, full.backAt + apartMs);
      throw new PutBack(full.backAt - now);
    }
    for (const line of own) line.running += 1;
    const [endpoint] = own as [Line];
    try {
      await attempt();
      endpoint.failing = false;
    } catch (error) {
      endpoint.failing = true;
      throw error;
    } finally {
      own.forEach((line, at) => {
        line.running -= 1;
        const idle = line.running === 0 && !line.failing && line.backAt <= clock();
        if (idle) lines.delete(names[at] as string);
      });
    }
  };
}
