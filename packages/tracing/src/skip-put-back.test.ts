import { SpanKind } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import t from 'tap';
import { skipPutBack } from './skip-put-back.js';

t.test('a job put back at once leaves no span, one that ended, failed or was stopped does', async (t) => {
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
  const startTime = Date.now();
  const silent = { kind: SpanKind.CONSUMER, startTime };
  tracer.startSpan('process: stopped at a shutdown', silent).end(startTime + 60_000);
  tracer.startSpan('process: put back by a slow Redis', silent).end(startTime + 300);
  await provider.forceFlush();
  t.same(
    exporter.getFinishedSpans().map(({ name }) => name),
    ['add deliver', 'process: job completed', 'process: job failed', 'process: stopped at a shutdown'],
  );
  await provider.shutdown();
});
