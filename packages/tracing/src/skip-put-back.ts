import { SpanKind } from '@opentelemetry/api';
import type { SpanProcessor } from '@opentelemetry/sdk-trace-base';

/** In seconds. A look for a turn takes some milliseconds, though more where Redis is slow. */
const longRun = 1;

/**
 * Leaves out the runs of jobs that found no turn and were put back, e.g. of deliveries, of one line up to 50 a second: in
 * them nothing ran, and they would push others out of the batch. BullMQ notes in the span of any other how it ended, but
 * for those that were stopped, e.g. by a pause or a shutdown: they are known by how long they ran.
 */
export function skipPutBack(processor: SpanProcessor): SpanProcessor {
  return {
    onStart: (span, context) => processor.onStart(span, context),
    onEnd(span) {
      const ran = span.events.length > 0 || span.duration[0] >= longRun;
      if (span.kind !== SpanKind.CONSUMER || ran) processor.onEnd(span);
    },
    forceFlush: () => processor.forceFlush(),
    shutdown: () => processor.shutdown(),
  };
}
