import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { ScionError } from './errors.js';

/** Characters one event may have; a server that never ends a line must not fill our memory. */
const longestEventChars = 1024 * 1024;

/** A stream that carries not even a heartbeat for this long is taken for dead. */
const idleTimeoutMs = 45_000;

/**
 * Reads a `text/event-stream` body (WHATWG HTML section 9.2). Ends when the server ends it; throws when the connection
 * breaks, or stays silent, comments included, for too long. Leaving the loop closes the connection.
 */
export async function* readServerSentEvents(response: Response): AsyncGenerator<EventSourceMessage, void> {
  const reader = bodyOf(response).getReader();
  const decoder = new TextDecoder();
  let arrived: EventSourceMessage[] = [];
  let failure: Error | undefined;
  const parser = createParser({
    maxBufferSize: longestEventChars,
    onEvent: (event) => arrived.push(event),
    onError: (error) => {
      // Unknown fields and bad retry values are to be ignored (section 9.2.6); an endless line is not.
      if (error.type === 'max-buffer-size-exceeded') failure = error;
    },
  });
  try {
    for (;;) {
      const chunk = await readInTime(reader);
      if (chunk === undefined) return;
      parser.feed(decoder.decode(chunk, { stream: true }));
      const ready = arrived;
      arrived = [];
      yield* ready;
      if (failure) throw failure;
    }
  } finally {
    // Not awaited: cancelling a broken stream may reject, and a silent one may never answer.
    reader.cancel().catch(() => {});
  }
}

function bodyOf(response: Response): ReadableStream<Uint8Array> {
  const type = response.headers.get('content-type') ?? '';
  if (response.body && type.startsWith('text/event-stream')) return response.body;
  throw new ScionError({
    code: 'unexpected_response',
    title: `HTTP ${response.status}`,
    detail: 'The answer is not an event stream; does a proxy stand in between?',
    status: response.status,
  });
}

async function readInTime(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Uint8Array | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new ScionError({
            code: 'network_error',
            title: 'The event stream went silent',
            detail: `Nothing came for ${idleTimeoutMs} ms, not even a heartbeat.`,
          }),
        ),
      idleTimeoutMs,
    );
  });
  try {
    const { value, done } = await Promise.race([reader.read(), silence]);
    return done ? undefined : value;
  } finally {
    clearTimeout(timer);
  }
}
