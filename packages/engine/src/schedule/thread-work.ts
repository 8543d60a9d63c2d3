import { AppError } from '@scion/contracts';
import type { ThreadEvent, ThreadResults, ThreadWork } from '../thread/protocol.js';
import type { Threads } from './threads.js';

/** Work that has a thread for itself: of seconds (`long`), or of a quarter of a second (`short`). */
export interface ThreadWorkLine {
  submit<K extends ThreadWork['kind']>(
    work: Extract<ThreadWork, { kind: K }>,
    call?: WorkCall,
  ): Promise<ThreadResults[K]>;
  /** Whether long work waits and may start: it may fill all threads but one, so that rows are never stuck behind it. */
  mayStartLong(): boolean;
  hasShort(): boolean;
  /** Starts what has waited longest, on an idle thread. */
  startLong(): void;
  startShort(): void;
  close(): void;
}

export interface WorkCall {
  short?: boolean;
  /** The flag by which the thread is told to stop. */
  cancelled?: SharedArrayBuffer;
  signal?: AbortSignal | undefined;
  onEvent?: ((event: ThreadEvent) => void) | undefined;
}

interface Request {
  start(): void;
  reject(error: unknown): void;
  /** Stops it once it runs. */
  stop(): void;
}

export function createThreadWork({
  threads,
  onChange,
}: {
  threads: Threads;
  onChange(): void;
}): ThreadWorkLine {
  const long: Request[] = [];
  const short: Request[] = [];
  const running = new Set<Request>();
  const runningLong = new Set<Request>();
  let closed = false;
  const notReady = () => new AppError('not_ready', 'The engine is closed.');
  return {
    submit<K extends ThreadWork['kind']>(
      work: Extract<ThreadWork, { kind: K }>,
      { short: isShort = false, cancelled, signal, onEvent }: WorkCall = {},
    ): Promise<ThreadResults[K]> {
      if (signal?.aborted) return Promise.reject(signal.reason);
      if (closed) return Promise.reject(notReady());
      const line = isShort ? short : long;
      return new Promise((resolve, reject) => {
        const stop = () => {
          if (cancelled) Atomics.store(new Int32Array(cancelled), 0, 1);
        };
        const abort = () => {
          stop();
          const at = line.indexOf(request);
          if (at >= 0) line.splice(at, 1);
          reject(signal?.reason);
        };
        const request: Request = {
          reject,
          stop,
          start() {
            running.add(request);
            if (!isShort) runningLong.add(request);
            threads
              .run<K>(work, (event) => {
                if (!signal?.aborted) onEvent?.(event);
              })
              .then(resolve, reject)
              .finally(() => {
                running.delete(request);
                runningLong.delete(request);
                signal?.removeEventListener('abort', abort);
                onChange();
              });
          },
        };
        signal?.addEventListener('abort', abort, { once: true });
        line.push(request);
        onChange();
      });
    },
    mayStartLong: () => long.length > 0 && (runningLong.size === 0 || runningLong.size < threads.size - 1),
    hasShort: () => short.length > 0,
    startLong: () => long.shift()?.start(),
    startShort: () => short.shift()?.start(),
    close() {
      closed = true;
      for (const request of [...long.splice(0), ...short.splice(0)]) request.reject(notReady());
      for (const request of running) {
        request.stop();
        request.reject(notReady());
      }
    },
  };
}
