import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { ScionError } from './errors.js';

/** Characters one event may have; a server that never ends a line must not fill our memory. */
const longestEventChars = 1024 * 1024;

/**
 * Reads a `text/event-stream` body (WHATWG HTML section 9.2). Ends when the server ends it; throws `network_error`
 * when the connection breaks, or stays silent, comments included, for `idleTimeoutMs` milliseconds. Leaving the loop
 * closes the connection.
 */
export async function* readServerSentEvents(
  body: ReadableStream<Uint8Array>,
  idleTimeoutMs: number,
): AsyncGenerator<EventSourceMessage, void> {
  const reader = body.getReader();
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
      const chunk = await readInTime(reader, idleTimeoutMs);
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

async function readInTime(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  idleTimeoutMs: number,
): Promise<Uint8Array | undefined> {
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
