import { SpanKind } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import t from 'tap';
import { skipPutBack } from './skip-put-back.js';

t.test('a job that was put back leaves no span, one that ended or failed does', async (t) => {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({
    spanProcessors: [skipPutBack(new SimpleSpanProcessor(exporter))],
  });
  const tracer = provider.getTracer('test');
  tracer.startSpan('add deliver', { kind: SpanKind.PRODUCER }).end();
  // As BullMQ makes them.
  for (const how of ['job completed', undefined, 'job failed']) {
    const span = tracer.startSpan(`process: ${how}`, { kind: SpanKind.CONSUMER });
    if (how) span.addEvent(how);
    span.end();
  }
  await provider.forceFlush();
  t.same(
    exporter.getFinishedSpans().map(({ name }) => name),
    ['add deliver', 'process: job completed', 'process: job failed'],
  );
  await provider.shutdown();
});
