import { FastifyOtelInstrumentation } from '@fastify/otel';
import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { setGlobalErrorHandler, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
} from '@opentelemetry/sdk-trace-base';
import { BullMQOtel } from 'bullmq-otel';
import { keepAttributes } from './kept-attributes.js';
import { skipPutBack } from './skip-put-back.js';

export interface Tracing {
  /** Makes a span of each request, in the trace that its `traceparent` names. To be registered before anything else. */
  http: ReturnType<FastifyOtelInstrumentation['plugin']>;
  /** Makes spans of a job's enqueueing and of its runs, in the trace of the request that ordered it. */
  queue: BullMQOtel;
  /** Notes a moment of what is running here. */
  mark(moment: string): void;
  /** Sends what is left, and ends. */
  close(): Promise<void>;
}

/**
 * Sends spans as OTLP over HTTP to `<endpoint>/v1/traces`; headers are those of `OTEL_EXPORTER_OTLP_HEADERS`. One a
 * process, since OpenTelemetry keeps its state there. `onError` is told of batches that the collector did not take: they
 * are lost, and nothing waits for them.
 */
export function startTracing(options: {
  /** E.g. `scion-api`. */
  service: string;
  version?: string;
  endpoint: string;
  onError(error: unknown): void;
}): Tracing {
  const { service, version, endpoint, onError } = options;
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({
      'service.name': service,
      ...(version !== undefined && { 'service.version': version }),
    }),
    sampler: new ParentBasedSampler({ root: beginnings }),
    spanProcessors: [
      skipPutBack(
        new BatchSpanProcessor(
          keepAttributes(new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces` })),
        ),
      ),
    ],
  });
  setGlobalErrorHandler(onError);
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());

  const fastify = new FastifyOtelInstrumentation({
    instrumentHooks: false,
    recordExceptions: false,
    ignorePaths: ({ url }) => url === '/metrics' || url.startsWith('/health/'),
    requestHook(span, { method, routeOptions, id }) {
      if (routeOptions.url !== undefined) span.updateName(`${method} ${routeOptions.url}`);
      span.setAttribute('scion.request.id', id);
    },
  });
  return {
    http: fastify.plugin(),
    queue: new BullMQOtel({ tracerName: 'bullmq' }),
    mark: (moment) => void trace.getActiveSpan()?.addEvent(moment),
    async close() {
      await provider.shutdown().catch(onError);
      fastify.disable();
      trace.disable();
      context.disable();
      propagation.disable();
    },
  };
}

/** A trace begins with a request or a job, not with a worker's looking for one several times a second. */
const beginnings: Sampler = {
  shouldSample: (_context, _traceId, _name, kind) => ({
    decision: kind === SpanKind.INTERNAL ? SamplingDecision.NOT_RECORD : SamplingDecision.RECORD_AND_SAMPLED,
  }),
  toString: () => 'beginnings',
};
