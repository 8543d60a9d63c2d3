import { Worker } from 'node:worker_threads';
import { AppError } from '@scion/contracts';
import type { FromThread, Provider, ThreadEvent, ThreadResults, ThreadWork, ToThread } from './protocol.js';

/** Threads, each of which does one piece of work at a time. */
export interface ThreadPool {
  readonly size: number;
  readonly provider: Provider;
  /** Why it is not the provider asked for. */
  readonly fallback: string | undefined;
  /** How many could start work now. */
  idle(): number;
  /** Gives work to an idle thread. Must only be called while there is one. */
  run<K extends ThreadWork['kind']>(
    work: Extract<ThreadWork, { kind: K }>,
    onEvent?: (event: ThreadEvent) => void,
  ): Promise<ThreadResults[K]>;
  close(): Promise<void>;
}

export interface ThreadPoolOptions {
  size: number;
  /** The module that each thread runs. */
  entry: URL;
  /** Its `workerData`. */
  setup: unknown;
  /** Called whenever a thread became idle. */
  onIdle(): void;
  /** A thread stopped by itself, and another is being started. */
  onCrash?(error: Error): void;
}

interface Pending {
  resolve(result: never): void;
  reject(error: Error): void;
  onEvent?: ((event: ThreadEvent) => void) | undefined;
}

interface Thread {
  worker: Worker;
  ready: boolean;
  pending: { id: number; call: Pending } | undefined;
}

/** A thread that cannot start is tried again after this, doubled each time, so that it never spins. */
const RESTART_MS = 100;
const RESTART_MAX_MS = 10_000;

/**
 * Starts all threads; rejects when one of them cannot start. Later a thread that stops takes its work with it, which
 * rejects as retryable, and is replaced.
 */
export async function createThreadPool(options: ThreadPoolOptions): Promise<ThreadPool> {
  const threads = new Set<Thread>();
  let provider: Provider = 'cpu';
  let fallback: string | undefined;
  let nextId = 1;
  let closing = false;
  let failures = 0;
  const restarts = new Set<NodeJS.Timeout>();

  const start = (): Promise<void> => {
    const thread: Thread = {
      worker: new Worker(options.entry, { workerData: options.setup }),
      ready: false,
      pending: undefined,
    };
    threads.add(thread);
    return new Promise((resolve, reject) => {
      let failure: Error | undefined;
      thread.worker.on('message', (message: FromThread) => {
        if (message.kind === 'ready') {
          thread.ready = true;
          failures = 0;
          ({ provider, fallback } = message);
          resolve();
          options.onIdle();
        } else {
          receive(thread, message);
        }
      });
      thread.worker.on('error', (error) => {
        failure = error instanceof Error ? error : new Error(String(error));
      });
      thread.worker.on('exit', (code) => {
        threads.delete(thread);
        const cause = failure ?? new Error(`the thread exited with ${code}`);
        reject(cause);
        thread.pending?.call.reject(
          new AppError('internal', 'An inference thread stopped; the same request may succeed now.', {
            cause,
          }),
        );
        if (!closing && thread.ready) {
          options.onCrash?.(cause);
          restart();
        }
      });
    });
  };

  const restart = () => {
    const wait = failures === 0 ? 0 : Math.min(RESTART_MAX_MS, RESTART_MS * 2 ** (failures - 1));
    const timer = setTimeout(() => {
      restarts.delete(timer);
      start().catch((error: Error) => {
        if (closing) return;
        failures += 1;
        options.onCrash?.(error);
        restart();
      });
    }, wait);
    restarts.add(timer);
  };

  const receive = (thread: Thread, message: Exclude<FromThread, { kind: 'ready' }>) => {
    const { pending } = thread;
    if (pending === undefined || pending.id !== message.id) return;
    if (message.kind === 'event') {
      pending.call.onEvent?.(message.event);
      return;
    }
    thread.pending = undefined;
    if (message.kind === 'done') pending.call.resolve(message.result as never);
    else {
      const { code, detail } = message.problem ?? { code: 'internal', detail: 'Inference failed.' };
      pending.call.reject(new AppError(code, detail, { cause: new Error(message.message) }));
    }
    options.onIdle();
  };

  const findIdle = () => [...threads].filter((thread) => thread.ready && thread.pending === undefined);

  const close = async () => {
    closing = true;
    for (const timer of restarts) clearTimeout(timer);
    await Promise.all(
      [...threads].map(
        (thread) =>
          new Promise<void>((resolve) => {
            thread.worker.on('exit', () => resolve());
            // Work in progress ends first: a session must not be released under it.
            if (thread.ready)
              thread.worker.postMessage({ id: 0, work: { kind: 'close' } } satisfies ToThread);
            else void thread.worker.terminate();
          }),
      ),
    );
  };

  try {
    await Promise.all(Array.from({ length: options.size }, start));
  } catch (error) {
    await close();
    throw error;
  }

  return {
    size: options.size,
    get provider() {
      return provider;
    },
    get fallback() {
      return fallback;
    },
    idle: () => findIdle().length,
    run(work, onEvent) {
      const thread = findIdle()[0];
      if (thread === undefined) throw new Error('no thread is idle');
      const id = nextId;
      nextId += 1;
      const transfer = transferable(work);
      return new Promise((resolve, reject) => {
        // First: it throws for what cannot be copied or moved, and the thread is then idle still.
        thread.worker.postMessage({ id, work } satisfies ToThread, transfer);
        thread.pending = { id, call: { resolve, reject, onEvent } };
      });
    },
    close,
  };
}

/** The features of a fit are moved, not copied: at 20,000 rows they are a hundred megabytes. */
function transferable(work: ThreadWork): ArrayBuffer[] {
  return work.kind === 'fit' ? [work.data.features.buffer as ArrayBuffer] : [];
}
