import { AppError } from '@scion/contracts';
import type { ParameterLayout } from '@scion/graph';
import type { FitEvent, FitOptions, FittedHead, FittedLinear, HeadData, LinearFit } from './head/fit-head.js';
import { createPace } from './pace.js';
import type { ThreadPool } from './thread/pool.js';
import type {
  Row,
  RowAnswer,
  ThreadEvent,
  ThreadResults,
  ThreadWork,
  TrainingGraphKey,
  TrainSlice,
  TrainSliceResult,
} from './thread/protocol.js';

/** What the scheduler needs of the threads. */
export type Threads = Pick<ThreadPool, 'size' | 'idle' | 'run'>;

export interface Scheduler {
  /**
   * Answers rows, in their order. Interactive rows of concurrent calls are merged into runs, go before bulk ones and
   * are bounded; bulk rows wait outside of that bound, for they belong to jobs, which are bounded.
   * @throws AppError overloaded; the signal's reason
   */
  run(rows: Row[], options?: { bulk?: boolean; signal?: AbortSignal | undefined }): Promise<RowAnswer[]>;
  /** Fits a head on a thread. `data.features` is moved there: do not use it afterwards. */
  fit(data: HeadData, options: FitWork): Promise<FittedHead>;
  /** Fits heads at penalties given, on a thread. */
  fitLinear(data: Omit<HeadData, 'groups'>, fits: LinearFit[], signal?: AbortSignal): Promise<FittedLinear[]>;
  /** Derives and opens a training graph on a thread. */
  prepare(graph: TrainingGraphKey): Promise<ParameterLayout>;
  /** Some steps of training on a thread: short, so that they go in between bulk rows. */
  train(slice: TrainSlice): Promise<TrainSliceResult>;
  /** Interactive rows that wait for a thread. */
  queuedRows(): number;
  /** To be called whenever a thread became idle. */
  wake(): void;
  /** Rejects whatever waits or runs; threads end the run they are in. */
  close(): void;
}

export interface FitWork extends Pick<FitOptions, 'seed' | 'grid'> {
  signal?: AbortSignal | undefined;
  onEvent?: ((event: FitEvent) => void) | undefined;
}

export interface SchedulerOptions {
  threads: Threads;
  maxTokens: number;
  /** Tokens that one batch is filled up to, by an estimate; the thread splits exactly. */
  maxTokensPerRun: number;
  maxQueuedRows: number;
  /** How long rows may wait for company while a thread is idle, once calls have been seen to come together. */
  windowMs?: number;
  /** Calls back after so many milliseconds; a test's own. */
  after?(ms: number, callback: () => void): void;
}

interface RowRequest {
  rows: Row[];
  /** Row numbers, longest first: neighbours in a batch are then of like length. */
  order: number[];
  /** How many of `order` were given to threads, and how many came back. */
  given: number;
  done: number;
  out: RowAnswer[];
  /** Bulk: tokens of each batch, fixed beforehand, so that the same rows are always batched alike. */
  share: number;
  resolve(answers: RowAnswer[]): void;
  reject(error: unknown): void;
  settled: boolean;
}

interface WorkRequest {
  start(): void;
  reject(error: unknown): void;
  /** Stops it once it runs. */
  stop(): void;
}

/** After so many interactive batches in a row a waiting job gets one, so that no load starves training. */
const INTERACTIVE_RUN = 4;
/** After so many batches of bulk rows in a row, of which a new job's head is made, training under way gets a turn. */
const BULK_RUN = 4;
/** A batch below this many tokens costs little less than one of this many: not worth spreading over threads. */
const MIN_SHARE_TOKENS = 64;

/**
 * Decides which thread does what next. All policy is here: interactive before bulk, rows of different calls in one
 * batch, work spread over idle threads, a short wait for company only where there is some to expect.
 */
export function createScheduler(options: SchedulerOptions): Scheduler {
  const { threads, maxTokens, maxTokensPerRun, maxQueuedRows, windowMs = 2 } = options;
  const after = options.after ?? ((ms, callback) => void setTimeout(callback, ms));
  const interactive: RowRequest[] = [];
  const bulk: RowRequest[] = [];
  /** Of seconds each. */
  const fits: WorkRequest[] = [];
  const fitting = new Set<WorkRequest>();
  /** Of a quarter of a second each. */
  const slices: WorkRequest[] = [];
  const running = new Set<WorkRequest>();
  let queued = 0;
  let inRow = 0;
  let bulkInRow = 0;
  let company = false;
  let waitingForCompany = false;
  let planned = false;
  let closed = false;
  const pace = createPace();

  /** Some four characters make a token; a wrong guess costs padding or a further run, never correctness. */
  const estimate = ({ input }: Row) =>
    typeof input === 'string' ? Math.min(maxTokens, 2 + Math.ceil(input.length / 4)) : input.tokens;

  const remove = <T>(list: T[], item: T) => {
    const at = list.indexOf(item);
    if (at >= 0) list.splice(at, 1);
  };

  const settle = (request: RowRequest, list: RowRequest[], act: () => void) => {
    if (request.settled) return;
    request.settled = true;
    remove(list, request);
    if (list === interactive) queued -= request.order.length - request.given;
    act();
  };

  const send = (rows: { request: RowRequest; row: number }[], list: RowRequest[]) => {
    const startedAt = performance.now();
    threads.run({ kind: 'rows', rows: rows.map(({ request, row }) => request.rows[row]) }).then(
      (answers) => {
        pace.record(rows.length, performance.now() - startedAt);
        for (const [at, { request, row }] of rows.entries()) {
          request.out[row] = answers[at];
          request.done += 1;
          if (request.done === request.order.length)
            settle(request, list, () => request.resolve(request.out));
        }
      },
      (error) => {
        for (const { request } of rows) settle(request, list, () => request.reject(error));
      },
    );
  };

  /** One batch of interactive rows, the oldest calls first, sized so that idle threads share what waits. */
  const sendInteractive = () => {
    const waiting = interactive.reduce(
      (sum, { rows, order, given }) =>
        order.slice(given).reduce((tokens, row) => tokens + estimate(rows[row]), sum),
      0,
    );
    const share = Math.min(maxTokensPerRun, Math.max(MIN_SHARE_TOKENS, waiting / threads.idle()));
    const rows: { request: RowRequest; row: number }[] = [];
    const calls = new Set<RowRequest>();
    let tokens = 0;
    for (const request of interactive) {
      while (request.given < request.order.length) {
        const row = request.order[request.given];
        const more = estimate(request.rows[row]);
        if (rows.length > 0 && tokens + more > share) break;
        tokens += more;
        rows.push({ request, row });
        calls.add(request);
        request.given += 1;
        queued -= 1;
      }
      if (tokens >= share) break;
    }
    for (const request of [...interactive])
      if (request.given === request.order.length) remove(interactive, request);
    company = calls.size > 1;
    send(rows, interactive);
  };

  /** The next slice of the job that has waited longest; then it goes to the end of the line. */
  const sendBulk = () => {
    const request = bulk.shift()!;
    const rows: { request: RowRequest; row: number }[] = [];
    let tokens = 0;
    while (request.given < request.order.length) {
      const row = request.order[request.given];
      const more = estimate(request.rows[row]);
      if (rows.length > 0 && tokens + more > request.share) break;
      tokens += more;
      rows.push({ request, row });
      request.given += 1;
    }
    if (request.given < request.order.length) bulk.push(request);
    send(rows, bulk);
  };

  /** Fits may fill all threads but one, so that rows are never stuck behind them where there is more than one. */
  const mayFit = () => fits.length > 0 && (fitting.size === 0 || fitting.size < threads.size - 1);

  const dispatch = () => {
    while (!closed && threads.idle() > 0) {
      const starved = inRow >= INTERACTIVE_RUN && (bulk.length > 0 || slices.length > 0 || mayFit());
      const bulkFirst = bulk.length > 0 && (slices.length === 0 || bulkInRow < BULK_RUN);
      if (interactive.length > 0 && !waitingForCompany && !starved) {
        sendInteractive();
        inRow += 1;
      } else if (mayFit()) {
        inRow = 0;
        fits.shift()!.start();
      } else if (bulkFirst) {
        inRow = 0;
        bulkInRow += 1;
        sendBulk();
      } else if (slices.length > 0) {
        inRow = 0;
        bulkInRow = 0;
        slices.shift()!.start();
      } else {
        return;
      }
    }
  };

  /** At the end of this turn of the event loop, so that calls of one turn are batched. */
  const plan = () => {
    if (planned) return;
    planned = true;
    setImmediate(() => {
      planned = false;
      dispatch();
    });
  };

  /** Work that has a thread for itself. */
  const submit = <K extends ThreadWork['kind']>(
    work: Extract<ThreadWork, { kind: K }>,
    {
      line,
      cancelled,
      signal,
      onEvent,
    }: {
      line: WorkRequest[];
      cancelled?: SharedArrayBuffer;
      signal?: AbortSignal | undefined;
      onEvent?: ((event: ThreadEvent) => void) | undefined;
    },
  ): Promise<ThreadResults[K]> => {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (closed) return Promise.reject(new AppError('not_ready', 'The engine is closed.'));
    return new Promise((resolve, reject) => {
      const stop = () => {
        if (cancelled) Atomics.store(new Int32Array(cancelled), 0, 1);
      };
      const abort = () => {
        stop();
        remove(line, request);
        reject(signal?.reason);
      };
      const request: WorkRequest = {
        reject,
        stop,
        start() {
          running.add(request);
          if (line === fits) fitting.add(request);
          threads
            .run<K>(work, (event) => {
              if (!signal?.aborted) onEvent?.(event);
            })
            .then(resolve, reject)
            .finally(() => {
              running.delete(request);
              fitting.delete(request);
              signal?.removeEventListener('abort', abort);
              plan();
            });
        },
      };
      signal?.addEventListener('abort', abort, { once: true });
      line.push(request);
      plan();
    });
  };

  return {
    run(rows, { bulk: isBulk = false, signal } = {}) {
      if (rows.length === 0) return Promise.resolve([]);
      if (signal?.aborted) return Promise.reject(signal.reason);
      if (closed) return Promise.reject(new AppError('not_ready', 'The engine is closed.'));
      if (!isBulk && queued + rows.length > maxQueuedRows) {
        const retryAfterSeconds = Math.min(30, Math.max(1, Math.ceil(pace.seconds(queued) / threads.size)));
        return Promise.reject(
          new AppError('overloaded', `${queued} rows wait for inference already; try again later.`, {
            retryAfterSeconds,
          }),
        );
      }
      const list = isBulk ? bulk : interactive;
      return new Promise((resolve, reject) => {
        const tokens = rows.map(estimate);
        const order = rows.map((_, row) => row).sort((a, b) => tokens[b] - tokens[a] || a - b);
        const total = tokens.reduce((sum, count) => sum + count, 0);
        const request: RowRequest = {
          rows,
          order,
          given: 0,
          done: 0,
          out: [],
          share: Math.min(maxTokensPerRun, Math.max(MIN_SHARE_TOKENS, Math.ceil(total / threads.size))),
          resolve,
          reject,
          settled: false,
        };
        list.push(request);
        const abort = () => settle(request, list, () => reject(signal?.reason));
        signal?.addEventListener('abort', abort, { once: true });
        const detach = () => signal?.removeEventListener('abort', abort);
        request.resolve = (answers) => {
          detach();
          resolve(answers);
        };
        request.reject = (error) => {
          detach();
          reject(error);
        };
        if (!isBulk) {
          queued += rows.length;
          if (company && !waitingForCompany && windowMs > 0) {
            waitingForCompany = true;
            after(windowMs, () => {
              waitingForCompany = false;
              dispatch();
            });
          }
        }
        plan();
      });
    },

    fit(data, { seed, grid, signal, onEvent }) {
      const cancelled = new SharedArrayBuffer(4);
      const work = {
        kind: 'fit' as const,
        ...{ data, cancelled },
        options: grid === undefined ? { seed } : { seed, grid },
      };
      return submit(work, { line: fits, cancelled, signal, onEvent });
    },
    fitLinear(data, linear, signal) {
      const cancelled = new SharedArrayBuffer(4);
      return submit({ kind: 'linear', data, fits: linear, cancelled }, { line: fits, cancelled, signal });
    },
    prepare: (graph) => submit({ kind: 'prepare', graph }, { line: fits }),
    train: (slice) => submit({ kind: 'train', slice }, { line: slices }),

    queuedRows: () => queued,
    wake: dispatch,

    close() {
      closed = true;
      const error = new AppError('not_ready', 'The engine is closed.');
      for (const list of [interactive, bulk])
        for (const request of [...list]) settle(request, list, () => request.reject(error));
      for (const request of [...fits.splice(0), ...slices.splice(0)]) request.reject(error);
      for (const request of running) {
        request.stop();
        request.reject(error);
      }
    },
  };
}
