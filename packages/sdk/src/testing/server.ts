import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Client, ClientOptions } from '../client.js';
import { createClient } from '../client.js';

/** One request as the server saw it. */
export interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: unknown;
}

/** Answers request number `index` (from 0). */
export type Handler = (response: ServerResponse, seen: Seen, index: number) => void;

export interface TestServer {
  baseUrl: string;
  seen: Seen[];
  /** Milliseconds each retry would have waited; none is really waited. */
  waits: number[];
  client(options?: Partial<ClientOptions>): Client;
  close(): Promise<void>;
}

/** A real HTTP server on a free port, and clients whose clock, chance and waiting the test controls. */
export async function startServer(handler: Handler): Promise<TestServer> {
  const seen: Seen[] = [];
  const waits: number[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    seen.push({
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      body: text === '' ? undefined : JSON.parse(text),
    });
    handler(response, seen.at(-1)!, seen.length - 1);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    baseUrl,
    seen,
    waits,
    client: (options) =>
      createClient({
        baseUrl,
        apiKey: 'scion_test',
        random: () => 0,
        clock: () => Date.parse('2026-11-23T20:00:00Z'),
        sleep: async (ms, signal) => {
          waits.push(ms);
          signal?.throwIfAborted();
        },
        ...options,
      }),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export function json(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

export function problem(response: ServerResponse, status: number, code: string, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/problem+json', ...headers });
  response.end(
    JSON.stringify({
      type: `https://scion.example/problems/${code}`,
      title: `Title of ${code}`,
      status,
      detail: `Detail of ${code}`,
      instance: '/v1/x',
      code,
      requestId: 'req_01',
    }),
  );
}
