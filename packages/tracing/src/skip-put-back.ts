import { SpanKind } from '@opentelemetry/api';
import type { SpanProcessor } from '@opentelemetry/sdk-trace-base';

/**
 * Leaves out the runs of jobs that were put back, e.g. deliveries that found no turn, of one line up to 50 a second: in
 * them nothing ran, and they would push others out of the batch. BullMQ notes in the span of any other how it ended.
 */
export function skipPutBack(processor: SpanProcessor): SpanProcessor {
  return {
    onStart: (span, context) => processor.onStart(span, context),
    onEnd(span) {
      if (span.kind !== SpanKind.CONSUMER || span.events.length > 0) processor.onEnd(span);
    },
    forceFlush: () => processor.forceFlush(),
    shutdown: () => processor.shutdown(),
  };
}
