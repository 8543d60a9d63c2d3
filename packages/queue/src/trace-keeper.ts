import { AsyncResource } from 'node:async_hooks';
import type { Telemetry } from 'bullmq';

/** Keeps the trace of whoever orders a job while the job waits for its turn, which somebody else's request may bring. */
export interface TraceKeeper {
  /** The trace that runs here, for a payload. Empty where there is none. */
  current(): { trace?: string };
  /** Runs in a trace that was written down; without one, in none. */
  within<T>(trace: string | undefined, run: () => Promise<T>): Promise<T>;
}

export function createTraceKeeper(telemetry: Telemetry | undefined): TraceKeeper {
  if (!telemetry) return { current: () => ({}), within: (_trace, run) => run() };
  const { contextManager } = telemetry;
  // What was running when the queue was made: no request.
  const outside = new AsyncResource('scion.queue');
  return {
    current() {
      const trace = contextManager.getMetadata(contextManager.active());
      return trace === '{}' ? {} : { trace };
    },
    within: (trace, run) =>
      outside.runInAsyncScope(() =>
        trace === undefined
          ? run()
          : contextManager.with(contextManager.fromMetadata(contextManager.active(), trace), run),
      ),
  };
}
