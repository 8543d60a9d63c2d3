import type { Clock } from '@scion/contracts';
import { PutBack } from './consumer.js';
import type { DeliveryPayload } from './job-table.js';

/**
 * Of a worker's slots one tenant has this share, since an endpoint that never answers holds a slot for 10 s. Where it
 * does answer it may have more, as long as as much stays idle for others.
 */
const tenantShare = 1 / 4;
/** All webhooks whose last attempt failed have at most this share, whosever they are. */
const failingShare = 1 / 2;
/** A delivery that found no turn at a webhook that fails looks again no sooner than this … */
const againMs = 1_000;
/** … and those of one line no closer than this, so that a worker with a long line is not busy with putting back. */
const apartMs = 20;

/** What attempts take turns in: those of a webhook, or of a tenant. Pings and replays have lines of their own, of both. */
interface Line {
  name: string;
  tenantId: string;
  /** Of the last attempt at a webhook, whatever asked for it; after a failure they are made one at a time. */
  last?: 'answered' | 'failed';
  /** How long the last one that succeeded took; until there is one, a guess. */
  tookMs: number;
  /** When that one ended; until there is one, when the line began. */
  movedAt: number;
  /** When the delivery that was put back last looks again, in milliseconds since the epoch. */
  backAt: number;
}

/** The lines that an attempt has a turn in. */
type Turn = [webhook: Line, tenant: Line];

/**
 * Bounds the attempts that one worker has in flight for a tenant, and for webhooks that fail. What is beyond is put
 * back, with its attempts unspent. What is known of a webhook is what this worker saw: to read its record would cost a
 * request to the store for each look.
 */
export function createDeliveryTurns(slots: number, clock: Clock) {
  const share = Math.ceil(slots * tenantShare);
  const failingMost = Math.ceil(slots * failingShare);
  const lines = new Map<string, Line>();
  const running = new Set<Turn>();

  const inFlight = (which: (turn: Turn) => boolean): number => [...running].filter(which).length;
  const inLine = (line: Line): number => inFlight((turn) => turn.includes(line));

  function lineOf(tenantId: string, name: string): Line {
    const line = lines.get(name) ?? { name, tenantId, tookMs: apartMs, movedAt: clock(), backAt: 0 };
    lines.set(name, line);
    return line;
  }

  /** The line in which a delivery has to wait; undefined when it is its turn. */
  function waitsIn([webhook, tenant]: Turn, asked: boolean): Line | undefined {
    if (asked && inLine(webhook) > 0) return webhook;
    if (webhook.last === 'failed') {
      const failing = inFlight(([other]) => other.last === 'failed');
      if (inLine(webhook) > 0 || failing >= failingMost) return webhook;
    }
    if (inLine(tenant) < share) return undefined;
    return webhook.last === 'answered' && running.size < slots - share ? undefined : tenant;
  }

  /** Sends a delivery to the end of a line in which attempts are in flight: it moves as they end, unless they fail. */
  function putBack(line: Line): PutBack {
    const now = clock();
    // An endpoint that hangs now has not told so yet.
    const stands = now - line.movedAt > line.tookMs + againMs;
    const turnMs = stands || line.last === 'failed' ? againMs : Math.max(1, line.tookMs / inLine(line));
    line.backAt = Math.max(now + Math.min(againMs, turnMs), line.backAt + Math.min(apartMs, turnMs));
    return new PutBack(Math.ceil(line.backAt - now));
  }

  /** Forgets a tenant's lines, but for those that fail or are awaited back. What answered may use what is idle until then. */
  function forget(tenantId: string): void {
    const now = clock();
    for (const line of lines.values()) {
      if (line.tenantId === tenantId && line.last !== 'failed' && line.backAt <= now) lines.delete(line.name);
    }
  }

  /** Makes an attempt, the `nth` of its delivery; throws PutBack if it is not its turn. */
  return async (
    { tenantId, webhookId, type, asked }: DeliveryPayload,
    nth: number,
    attempt: () => Promise<void>,
  ): Promise<void> => {
    // What a person waits for does not stand behind the events that a webhook did not take; its retries do.
    const kind = type === 'ping' ? ' ping' : asked === nth ? ' replay' : '';
    const turn: Turn = [lineOf(tenantId, webhookId + kind), lineOf(tenantId, tenantId + kind)];
    const full = waitsIn(turn, kind !== '');
    if (full) throw putBack(full);
    running.add(turn);
    const startedAt = clock();
    try {
      await attempt();
      lineOf(tenantId, webhookId).last = 'answered';
      const movedAt = clock();
      for (const line of turn) Object.assign(line, { tookMs: movedAt - startedAt, movedAt });
    } catch (error) {
      lineOf(tenantId, webhookId).last = 'failed';
      throw error;
    } finally {
      running.delete(turn);
      if (inFlight(([line]) => line.tenantId === tenantId) === 0) forget(tenantId);
    }
  };
}
