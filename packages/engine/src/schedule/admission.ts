import { AppError } from '@scion/contracts';
import type { Lines, Waiting } from './lines.js';

/** A prediction that was let in. */
export interface Admission {
  /** Whether a thread took up rows of it. From then on it is answered, however long that takes. */
  begun: boolean;
}

/** A call whose rows wait. */
interface Call {
  admission: Admission;
  arrivedAt: number;
  settle(act: { error: unknown }): void;
}

/** Which predictions may wait, and for how long. */
export interface Admissions {
  /**
   * Why a prediction is not let in, if it is not.
   * @param rows how many of it will wait at a time
   * @param ms its work, of one thread
   */
  refusal(flow: string, rows: number, ms: number): AppError | undefined;
  /** A call that was let in waits from now on. */
  add(call: Call): void;
  remove(call: Call): void;
  /** Settles what has waited too long. */
  refuseLate(): void;
  /** Sees to it that `refuseLate` comes in time: it may be that no thread ever becomes idle. */
  watch(): void;
}

export function createAdmissions({
  lines,
  threads,
  maxQueuedRows,
  maxWaitMs,
  now,
  after,
  wake,
}: {
  /** What waits, its cost in milliseconds. */
  lines: Pick<Lines<Waiting>, 'rows' | 'flows' | 'cost' | 'ahead'>;
  threads: number;
  maxQueuedRows: number;
  maxWaitMs: number;
  now(): number;
  after(ms: number, callback: () => void): void;
  /** Has `refuseLate` and `watch` called. */
  wake(): void;
}): Admissions {
  /** In the order they came; those that have begun are taken out when they are met. */
  const calls = new Set<Call>();
  let watching = false;

  const overloaded = (detail: string, ms: number) =>
    new AppError('overloaded', `${detail}; try again later.`, {
      retryAfterSeconds: Math.min(30, Math.max(1, Math.ceil(ms / 1_000))),
    });
  /** Until all that waits is done. */
  const leftMs = () => lines.cost() / threads;

  /** Whether so many more rows of a flow may wait: a flow within its share is never kept out by others. */
  const hasRoom = (flow: string, more: number) => {
    const flows = lines.flows() + (lines.rows(flow) > 0 ? 0 : 1);
    return (
      lines.rows() + more <= maxQueuedRows || lines.rows(flow) + more <= Math.floor(maxQueuedRows / flows)
    );
  };

  const oldest = (): Call | undefined => {
    for (const call of calls) {
      if (!call.admission.begun) return call;
      calls.delete(call);
    }
    return undefined;
  };

  return {
    refusal(flow, rows, ms) {
      if (!hasRoom(flow, rows))
        return overloaded(`${lines.rows()} rows wait for inference already`, leftMs());
      // Its own work is no reason: an idle engine takes any. Nor is what others have beyond as much, which waits for it.
      const late = lines.ahead(flow, ms) / threads - maxWaitMs;
      if (late <= 0) return undefined;
      return overloaded(`What waits already would keep it waiting for more than ${maxWaitMs} ms`, late);
    },

    add: (call) => void calls.add(call),
    remove: (call) => void calls.delete(call),

    refuseLate() {
      for (let call = oldest(); call !== undefined; call = oldest()) {
        if (now() - call.arrivedAt <= maxWaitMs) return;
        calls.delete(call);
        call.settle({ error: overloaded(`No thread was free for ${maxWaitMs} ms`, leftMs()) });
      }
    },

    watch() {
      const call = oldest();
      if (watching || call === undefined) return;
      watching = true;
      after(Math.ceil(call.arrivedAt + maxWaitMs - now()) + 1, () => {
        watching = false;
        wake();
      });
    },
  };
}
