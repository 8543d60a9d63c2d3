import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

type Value = { stringValue?: string; intValue?: number };
type Attributes = { key: string; value: Value }[];

export interface CollectedSpan {
  service: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  attributes: Attributes;
  events: { name: string }[];
}

interface Batch {
  resourceSpans: {
    resource: { attributes: Attributes };
    scopeSpans: { spans: Omit<CollectedSpan, 'service'>[] }[];
  }[];
}

/**
 * Stands in for an OpenTelemetry collector, which cannot be installed from npm: an HTTP server that keeps the OTLP/JSON
 * posted to `/v1/traces` (opentelemetry-proto, collector/trace/v1).
 */
export async function startCollector() {
  const bodies: string[] = [];
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    if (request.url !== '/v1/traces') return response.writeHead(404).end();
    bodies.push(body);
    return response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** All that was received, as it came. */
    text: () => bodies.join('\n'),
    spans: (): CollectedSpan[] =>
      bodies
        .flatMap((body) => (JSON.parse(body) as Batch).resourceSpans)
        .flatMap(({ resource, scopeSpans }) => {
          const named = resource.attributes.find(({ key }) => key === 'service.name');
          const service = named?.value.stringValue ?? '';
          return scopeSpans.flatMap(({ spans }) => spans.map((span) => ({ service, ...span })));
        }),
    async close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
