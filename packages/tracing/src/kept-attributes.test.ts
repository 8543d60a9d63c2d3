import { SpanStatusCode } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import t from 'tap';
import { keepAttributes } from './kept-attributes.js';

t.test('of a span only what is on the list leaves the process', async (t) => {
  const exporter = new InMemorySpanExporter();
  const spanProcessors = [new SimpleSpanProcessor(keepAttributes(exporter))];
  const provider = new BasicTracerProvider({ spanProcessors });
  const span = provider.getTracer('test').startSpan('GET /v1/tasks/:task/users/:user/model');
  span.setAttributes({
    'http.route': '/v1/tasks/:task/users/:user/model',
    'http.response.status_code': 500,
    'url.path': '/v1/tasks/news/users/ada/model',
    'bullmq.job.id': '0a1b2c3d.after-100',
  });
  span.recordException(new TypeError('ada is not a number'));
  span.setStatus({ code: SpanStatusCode.ERROR, message: 'ada is not a number' });
  span.end();
  await provider.forceFlush();
  const [seen] = exporter.getFinishedSpans();
  t.same(seen?.attributes, {
    'http.route': '/v1/tasks/:task/users/:user/model',
    'http.response.status_code': 500,
  });
  t.same(seen?.status, { code: SpanStatusCode.ERROR });
  t.same(
    seen?.events.map(({ attributes }) => attributes),
    [{ 'exception.type': 'TypeError' }],
  );
  t.equal(seen?.spanContext().spanId, span.spanContext().spanId, 'it is the same span otherwise');
  await provider.shutdown();
});

t.test('the id of a job is told, since it names nobody', async (t) => {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(keepAttributes(exporter))],
  });
  const attributes = { 'bullmq.job.id': 'job_01kayq2v5w8n3c0h7e4r6t9m1p' };
  provider.getTracer('test').startSpan('process train', { attributes }).end();
  await provider.forceFlush();
  t.same(exporter.getFinishedSpans()[0]?.attributes, attributes);
});
