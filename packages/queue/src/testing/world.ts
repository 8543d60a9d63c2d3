import { startRedis, type TestRedis } from '@scion/testkit';
import { createQueue, type Queue, type QueueOptions, type TrainingPayload } from '../index.js';

export interface World {
  server: TestRedis;
  /** Another process: its own connections and workers. */
  queue(options?: Partial<QueueOptions>): Queue;
  close(): Promise<void>;
}

export async function createWorld(): Promise<World> {
  const server = await startRedis();
  const queues: Queue[] = [];
  return {
    server,
    queue(options = {}) {
      const queue = createQueue({ connection: server.connect(), clock: Date.now, ...options });
      queues.push(queue);
      return queue;
    },
    async close() {
      await Promise.all(queues.map((queue) => queue.close({ graceMs: 0 })));
      await server.close();
    },
  };
}

let made = 0;
/** A job of its own; models differ unless `user` is given. */
export function training(user = `user ${made}`): TrainingPayload {
  made += 1;
  return { jobId: `job_${String(made).padStart(26, '0')}`, tenantId: 'ten_1', task: 'mail', user };
}

/** A promise settled from outside: the test decides when a handler goes on. */
export interface Gate<T = void> {
  opened: Promise<T>;
  open(value: T): void;
}

export function gate<T = void>(): Gate<T> {
  let open: (value: T) => void = () => {};
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** Resolves when the signal fires, with its reason. */
export function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener('abort', () => resolve(signal.reason), { once: true });
  });
}

/** Polls until a condition holds: for what happens inside BullMQ, where nothing can be awaited. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}
