import { AppError } from '@scion/contracts';
import type { ParameterLayout } from '@scion/graph';
import { estimateTokens } from '../estimate-tokens.js';
import type {
  FitEvent,
  FitOptions,
  FittedHead,
  FittedLinear,
  HeadData,
  LinearFit,
} from '../head/fit-head.js';
import type { Row, RowAnswer, TrainingGraphKey, TrainSlice, TrainSliceResult } from '../thread/protocol.js';
import { type Admission, createAdmissions } from './admission.js';
import { createCompany } from './company.js';
import { createLines, type Waiting } from './lines.js';
import { createPace } from './pace.js';
import { createThreadWork } from './thread-work.js';
import type { Threads } from './threads.js';

export interface RowOptions {
  /** Whose rows they are: flows are served fairly, by the time their rows take. */
  flow?: string | undefined;
  /** A job's: they wait outside of the bounds, behind predictions. */
  bulk?: boolean | undefined;
  /** Of a prediction in several calls: they are neither bounded nor refused any more. Default: the call is one itself. */
  admission?: Admission | undefined;
  signal?: AbortSignal | undefined;
}

export interface Scheduler {
  /**
   * Answers rows, in their order. Interactive rows of concurrent calls are merged into runs, go before bulk ones and
   * are bounded in number and wait; bulk rows are not, for they belong to jobs, which are bounded.
   * @throws AppError overloaded; the signal's reason
   */
  run(rows: Row[], options?: RowOptions): Promise<RowAnswer[]>;
  /**
   * Lets in a prediction that will come in several calls: in all so many times the work of these rows, and so many rows
   * waiting at a time.
   * @throws AppError overloaded
   */
  admit(rows: Row[], work: { flow: string; times: number; atOnce: number }): Admission;
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
  /**
   * Interactive rows that may wait in all; yet of each flow so many divided by the flows that wait. Of n flows no more wait
   * than 1 + 1/2 + … + 1/n times as many.
   */
  maxQueuedRows: number;
  /**
   * A prediction of which no thread has taken up anything by then is refused, and one that others would keep waiting for
   * longer is not let in. Default 10 s.
   */
  maxWaitMs?: number;
  /** The top's share of the work of a row: what a row costs that has passed the trunk already. */
  topShare?: number;
  /** The most that rows wait for company while a thread is idle. Default 2. */
  windowMs?: number;
  /** Milliseconds that never go back; a test's own. */
  now?(): number;
  /** Calls back after so many milliseconds; a test's own. */
  after?(ms: number, callback: () => void): void;
}

interface RowRequest {
  rows: Row[];
  flow: string;
  admission: Admission;
  /** How many rows were given to threads, and how many came back. */
  given: number;
  done: number;
  out: RowAnswer[];
  arrivedAt: number;
  settled: boolean;
  settle(act: { answers: RowAnswer[] } | { error: unknown }): void;
}
interface Item extends Waiting {
  request: RowRequest;
  row: number;
}
interface BulkRequest extends RowRequest {
  /** Row numbers, longest first: neighbours in a batch are then of like length. */
  order: number[];
  /** Tokens of each batch, fixed beforehand, so that the same rows are always batched alike. */
  share: number;
}
/** After so many interactive batches in a row a waiting job gets one, so that no load starves training. */
const INTERACTIVE_RUN = 4;
/** After so many batches of bulk rows in a row, of which a new job's head is made, training under way gets a turn. */
const BULK_RUN = 4;
/** A batch below this many tokens costs little less than one of this many: not worth spreading over threads. */
const MIN_SHARE_TOKENS = 64;

/**
 * Decides which thread does what next. All policy is here and in `lines.ts`: interactive before bulk, flows fairly, rows
 * of different calls in one batch, work spread over idle threads, a short wait for company only where some is expected.
 */
export function createScheduler(options: SchedulerOptions): Scheduler {
  const { threads, maxTokens, maxTokensPerRun, maxQueuedRows, maxWaitMs = 10_000, topShare = 1 } = options;
  const now = options.now ?? (() => performance.now());
  // It keeps no process alive: the threads do, as long as there is work.
  const after = options.after ?? ((ms, callback) => void setTimeout(callback, ms).unref());
  const lines = createLines<Item>();
  const company = createCompany({ windowMs: options.windowMs ?? 2, now, after, release: () => dispatch() });
  const pace = createPace();
  const bulk: BulkRequest[] = [];
  const admissions = createAdmissions({
    ...{ lines, threads: threads.size, maxQueuedRows, maxWaitMs, now, after, wake: () => dispatch() },
  });
  const own = createThreadWork({ threads, onChange: () => plan() });
  const open = new Set<RowRequest>();
  let inRow = 0;
  let bulkInRow = 0;
  let planned = false;
  let closed = false;

  /** A wrong guess costs padding or a further run, never correctness. */
  const estimate = ({ input }: Row) =>
    typeof input === 'string' ? estimateTokens(input, maxTokens) : input.tokens;
  const weigh = (row: Row, tokens = estimate(row)) => tokens * (typeof row.input === 'string' ? 1 : topShare);
  const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);

  /** @param charge told the milliseconds that each row took of its run's, by the tokens that it had */
  const send = (batch: { request: RowRequest; row: number }[], charge?: (ms: number[]) => void) => {
    const rows = batch.map(({ request, row }) => request.rows[row]);
    const startedAt = now();
    threads.run({ kind: 'rows', rows }).then(
      (answers) => {
        const ms = now() - startedAt;
        const weights = rows.map((row, at) => weigh(row, answers[at].tokens));
        const total = sum(weights) || 1;
        pace.record(total, ms);
        charge?.(weights.map((weight) => (weight / total) * ms));
        for (const [at, { request, row }] of batch.entries()) {
          request.out[row] = answers[at];
          request.done += 1;
          if (request.done === request.rows.length) request.settle({ answers: request.out });
        }
      },
      (error) => {
        for (const { request } of batch) request.settle({ error });
      },
    );
  };

  /** One batch of interactive rows, sized so that idle threads share what waits. */
  const sendInteractive = () => {
    const share = Math.max(MIN_SHARE_TOKENS, Math.ceil(lines.tokens() / threads.idle()));
    const batch = lines.take(Math.min(maxTokensPerRun, share));
    for (const { request } of batch) {
      request.given += 1;
      request.admission.begun = true;
    }
    send(batch, (ms) => {
      for (const [at, { flow, cost }] of batch.entries()) lines.correct(flow, ms[at] - cost);
    });
  };

  /** The next slice of the job that has waited longest; then it goes to the end of the line. */
  const sendBulk = () => {
    const request = bulk.shift()!;
    const batch: { request: RowRequest; row: number }[] = [];
    let tokens = 0;
    while (request.given < request.order.length) {
      const row = request.order[request.given];
      const more = estimate(request.rows[row]);
      if (batch.length > 0 && tokens + more > request.share) break;
      tokens += more;
      batch.push({ request, row });
      request.given += 1;
    }
    if (request.given < request.order.length) bulk.push(request);
    send(batch);
  };

  const dispatch = () => {
    admissions.refuseLate();
    startWork();
    admissions.watch();
  };

  const startWork = () => {
    while (!closed && threads.idle() > 0) {
      const jobs = bulk.length > 0 || own.hasShort() || own.mayStartLong();
      const starved = inRow >= INTERACTIVE_RUN && jobs;
      const bulkFirst = bulk.length > 0 && (!own.hasShort() || bulkInRow < BULK_RUN);
      const oldest = starved ? undefined : lines.oldest();
      const full = lines.tokens() >= maxTokensPerRun;
      if (oldest !== undefined && (full || !company.expected(oldest.request.arrivedAt))) {
        sendInteractive();
        inRow += 1;
      } else if (own.mayStartLong()) {
        inRow = 0;
        own.startLong();
      } else if (bulkFirst) {
        inRow = 0;
        bulkInRow += 1;
        sendBulk();
      } else if (own.hasShort()) {
        inRow = 0;
        bulkInRow = 0;
        own.startShort();
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

  const createRequest = (
    rows: Row[],
    { flow, admission, signal }: Pick<RowRequest, 'flow' | 'admission'> & { signal: AbortSignal | undefined },
    answer: { resolve(answers: RowAnswer[]): void; reject(error: unknown): void },
  ): RowRequest => {
    const abort = () => request.settle({ error: signal?.reason });
    const request: RowRequest = {
      ...{ rows, flow, admission, given: 0, done: 0, out: [], arrivedAt: now(), settled: false },
      settle(act) {
        if (request.settled) return;
        request.settled = true;
        open.delete(request);
        admissions.remove(request);
        signal?.removeEventListener('abort', abort);
        if ('answers' in act) {
          answer.resolve(act.answers);
          return;
        }
        lines.drop((item) => item.request === request);
        remove(bulk, request);
        answer.reject(act.error);
      },
    };
    signal?.addEventListener('abort', abort, { once: true });
    open.add(request);
    return request;
  };

  return {
    run(rows, { flow = '', bulk: isBulk = false, admission, signal } = {}) {
      if (rows.length === 0) return Promise.resolve([]);
      if (signal?.aborted) return Promise.reject(signal.reason);
      if (closed) return Promise.reject(notReady());
      const tokens = rows.map(estimate);
      const costs = rows.map((row, at) => pace.ms(weigh(row, tokens[at])));
      const refused = isBulk || admission ? undefined : admissions.refusal(flow, rows.length, sum(costs));
      if (refused) return Promise.reject(refused);
      return new Promise((resolve, reject) => {
        const call = { flow, admission: admission ?? { begun: false }, signal };
        const request = createRequest(rows, call, { resolve, reject });
        if (isBulk) {
          const order = rows.map((_, row) => row).sort((a, b) => tokens[b] - tokens[a] || a - b);
          const total = sum(tokens);
          // As many batches as keep all threads busy to the end; half a row more, for a batch ends before the row that is too much.
          const batches = threads.size * Math.ceil(total / (maxTokensPerRun * threads.size));
          const even = Math.ceil(total / batches + total / rows.length / 2);
          const share = Math.max(MIN_SHARE_TOKENS, even);
          bulk.push(Object.assign(request, { order, share: Math.min(maxTokensPerRun, share) }));
        } else {
          company.arrived();
          admissions.add(request);
          for (const [row, count] of tokens.entries())
            lines.push({
              ...{ flow, request, row, tokens: count },
              cost: costs[row],
              same: sameOf(rows[row]),
            });
        }
        plan();
      });
    },

    admit(rows, { flow, times, atOnce }) {
      const refused = admissions.refusal(flow, atOnce, times * pace.ms(sum(rows.map((row) => weigh(row)))));
      if (refused) throw refused;
      return { begun: false };
    },

    fit(data, { seed, grid, signal, onEvent }) {
      const cancelled = new SharedArrayBuffer(4);
      const fitOptions = grid === undefined ? { seed } : { seed, grid };
      const work = { kind: 'fit' as const, data, cancelled, options: fitOptions };
      return own.submit(work, { cancelled, signal, onEvent });
    },
    fitLinear(data, fits, signal) {
      const cancelled = new SharedArrayBuffer(4);
      return own.submit({ kind: 'linear', data, fits, cancelled }, { cancelled, signal });
    },
    prepare: (graph) => own.submit({ kind: 'prepare', graph }),
    train: (slice) => own.submit({ kind: 'train', slice }, { short: true }),

    queuedRows: () => lines.rows(),
    wake: dispatch,

    close() {
      closed = true;
      for (const request of [...open]) request.settle({ error: notReady() });
      own.close();
    },
  };
}

/** Rows of bare users over one trunk output share the top's run too: only their heads differ. */
function sameOf({ input, lora }: Row): object | undefined {
  return typeof input === 'string' || lora ? undefined : input;
}

const notReady = () => new AppError('not_ready', 'The engine is closed.');

function remove<T>(list: T[], item: unknown): void {
  const at = list.indexOf(item as T);
  if (at >= 0) list.splice(at, 1);
}
