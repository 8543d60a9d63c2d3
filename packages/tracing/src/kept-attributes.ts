import type { Attributes } from '@opentelemetry/api';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';

/**
 * What of a span may leave the process. Instrumentations add more: paths hold user ids, messages of errors may quote, and
 * the id of a look at a model is a hash of whose it is.
 */
const kept: Record<string, (value: unknown) => boolean> = {
  'http.request.method': () => true,
  'http.route': () => true,
  'http.response.status_code': () => true,
  'bullmq.queue.name': () => true,
  'bullmq.queue.operation': () => true,
  'bullmq.job.id': (value) => typeof value === 'string' && /^(job|evt)_/.test(value),
  'bullmq.job.attempts.made': () => true,
  'exception.type': () => true,
  'scion.request.id': () => true,
};

const keep = (attributes: Attributes | undefined): Attributes =>
  Object.fromEntries(
    Object.entries(attributes ?? {}).filter(([name, value]) => kept[name]?.(value) === true),
  );

/** Exports spans without what is not on the list, and without the texts of their failures. */
export function keepAttributes(exporter: SpanExporter): SpanExporter {
  return {
    export: (spans, done) => exporter.export(spans.map(stripped), done),
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
}

/** The span itself is frozen once it has ended; what reads it sees this in its place. */
function stripped(span: ReadableSpan): ReadableSpan {
  const fixed = (value: unknown) => ({ value, enumerable: true });
  return Object.create(span, {
    attributes: fixed(keep(span.attributes)),
    status: fixed({ code: span.status.code }),
    events: fixed(span.events.map((event) => ({ ...event, attributes: keep(event.attributes) }))),
    links: fixed(span.links.map((link) => ({ ...link, attributes: keep(link.attributes) }))),
  }) as ReadableSpan;
}
