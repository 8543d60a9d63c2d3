import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** One server-sent event; `data` is sent as JSON. */
export interface StreamEvent {
  id?: number;
  event: string;
  data: unknown;
}

/** How long a browser's EventSource waits before it connects again, in milliseconds. */
const reconnectMs = 2_000;

/**
 * Sends events as server-sent events (WHATWG HTML section 9.2). The stream is pulled by the connection, so a slow
 * reader slows the source down instead of filling memory. It ends with the source; when the reader leaves, or `stop`
 * fires, the source's signal fires. So it does when the reader's key or session has ended, which is looked at before each
 * event and heartbeat.
 *
 * @param open starts the source; it must end when its signal fires
 */
export function sendEvents(
  reply: FastifyReply,
  open: (signal: AbortSignal) => AsyncIterable<StreamEvent>,
  { heartbeatMs, stop }: { heartbeatMs: number; stop: AbortSignal },
): FastifyReply {
  const left = new AbortController();
  reply.raw.once('close', () => left.abort());
  const signal = AbortSignal.any([left.signal, stop]);
  const check = async () => {
    if (!(await reply.request.isStillWelcome())) left.abort();
  };
  return (
    reply
      .type('text/event-stream; charset=utf-8')
      .header('cache-control', 'no-store')
      // Else the connection would outlive its stream, and hold up a server that closes.
      .header('connection', 'close')
      .header('x-accel-buffering', 'no')
      .send(
        Readable.from(frames(open(signal), { heartbeatMs, signal, check }), {
          objectMode: false,
          highWaterMark: 16_384,
        }),
      )
  );
}

async function* frames(
  events: AsyncIterable<StreamEvent>,
  { heartbeatMs, signal, check }: { heartbeatMs: number; signal: AbortSignal; check(): Promise<void> },
): AsyncGenerator<string> {
  yield `retry: ${reconnectMs}\n\n`;
  const source = events[Symbol.asyncIterator]();
  try {
    let next = source.next();
    while (!signal.aborted) {
      const result = await orAfter(next, heartbeatMs);
      if (result?.done) return;
      await check();
      if (signal.aborted) return;
      yield result ? frame(result.value) : ': still here\n\n';
      if (result) next = source.next();
    }
  } finally {
    await source.return?.();
  }
}

const frame = ({ id, event, data }: StreamEvent): string =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

/** What `work` resolves to, or undefined when that takes longer than `ms`. */
async function orAfter<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const pause = new Promise<undefined>((done) => {
    timer = setTimeout(done, ms, undefined);
  });
  try {
    return await Promise.race([work, pause]);
  } finally {
    clearTimeout(timer);
  }
}
