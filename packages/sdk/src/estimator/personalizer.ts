import type { Answer, Metrics, Training } from '@scion/contracts';
import type { Client } from '../client.js';
import { ScionError } from '../errors.js';
import { idOfText, randomId } from '../ids.js';
import type { JobMetric } from '../job-metrics.js';
import type { Callback } from './callbacks.js';
import { type Judged, measure } from './evaluate.js';
import { dealFolds, holdBack } from './folds.js';
import type { History } from './history.js';
import { createRemoteTrainer } from './remote-trainer.js';
import type { Trainer, TrainingRow } from './trainer.js';

/** What may be tuned: how to train (`method`, `rank`, `epochs` …), and whether the gate has a say. */
export interface PersonalizerParams extends Training {
  /** Whether a version that does not win stays out of use. Default true on a service, false in this process. */
  gate?: boolean | undefined;
}

export interface PersonalizerOptions extends PersonalizerParams {
  /** Where to train. */
  client: Client;
  /** Name of a task that exists. */
  task: string;
  /** Your own id of the end user whose model it is. */
  user: string;
}

export interface FitOptions {
  callbacks?: Callback[] | undefined;
  /**
   * Share of the rows, 0 to 1, that are held back, labels as evenly as can be, and evaluated on in the end. Takes two
   * different texts at least: rows of one text stay together.
   */
  validationSplit?: number | undefined;
  /** One for each row, above 0. */
  sampleWeight?: number[] | undefined;
  signal?: AbortSignal | undefined;
}

export interface CrossValidateOptions {
  /** Default 5. */
  folds?: number | undefined;
  /** Default 0. */
  seed?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface CrossValidation {
  /** `score` of each fold. */
  scores: number[];
  mean: number;
  /** Standard deviation over the folds. */
  std: number;
  metrics: Metrics[];
}

/** What `gridSearch` tries: the values of each parameter. */
export type Grid = { [name in keyof PersonalizerParams]?: readonly NonNullable<PersonalizerParams[name]>[] };

export interface GridResult {
  /** Best first. */
  results: { params: PersonalizerParams; mean: number; std: number }[];
  best: PersonalizerParams;
  /** Of the fit with the best parameters on all rows. */
  history: History;
}

/**
 * One user's model as an estimator in the manner of scikit-learn. `X` is texts; `y` holds a label each, or an array of
 * labels (multilabel), or a number (regression), as the task's kind says.
 */
export class Personalizer {
  readonly task: string;
  readonly user: string;
  readonly #trainer: Trainer;
  #params: PersonalizerParams;
  readonly #defaultGate: boolean;

  constructor(options: PersonalizerOptions | (Omit<PersonalizerOptions, 'client'> & { trainer: Trainer })) {
    const { task, user, ...rest } = options;
    this.task = task;
    this.user = user;
    if ('trainer' in rest) {
      const { trainer, ...params } = rest;
      this.#trainer = trainer;
      this.#params = params;
      this.#defaultGate = false;
    } else {
      const { client, ...params } = rest;
      this.#trainer = createRemoteTrainer(client, task);
      this.#params = params;
      this.#defaultGate = true;
    }
  }

  getParams(): PersonalizerParams {
    return { ...this.#params };
  }

  /** Takes effect with the next fit. Returns this. */
  setParams(params: PersonalizerParams): this {
    this.#params = { ...this.#params, ...params };
    return this;
  }

  /**
   * Learns from these rows alone. Rows that an earlier fit of this object sent are replaced; where the service holds
   * others of this user, it refuses (`examples_exist`) rather than delete what somebody else stored.
   */
  fit(X: readonly string[], y: readonly Answer[], options: FitOptions = {}): Promise<History> {
    return this.#fit(X, y, options, false);
  }

  /** Learns from these rows and all before them. */
  partialFit(X: readonly string[], y: readonly Answer[], options: FitOptions = {}): Promise<History> {
    return this.#fit(X, y, options, true);
  }

  /** The answer to each row: a label (null where the model abstains), labels, or a number. */
  async predict(X: readonly string[]): Promise<(Answer | null)[]> {
    return (await this.#ask(X)).map(({ answer }) => answer);
  }

  /** The probability of each label, row by row. Of a regression there is none. */
  async predictProba(X: readonly string[]): Promise<Record<string, number>[]> {
    return (await this.#ask(X)).map(({ probabilities }) => ({ ...probabilities }));
  }

  /** Share of right answers; of a regression R². */
  async score(X: readonly string[], y: readonly Answer[]): Promise<number> {
    return scoreOf(await this.evaluate(X, y));
  }

  /** Every figure of these rows. */
  async evaluate(X: readonly string[], y: readonly Answer[]): Promise<Metrics> {
    checkRows(X, y);
    const kind = await this.#trainer.kind();
    const answers = await this.#ask(X);
    const rows = answers.map((answer, at): Judged => ({ ...answer, truth: y[at]! }));
    return measure(kind, rows);
  }

  /**
   * Trains on all folds but one and scores that one, for each. On a service every fold is a user of its own, erased in
   * the end, which takes a key with scope `admin`. This model stays as it is.
   */
  async crossValidate(
    X: readonly string[],
    y: readonly Answer[],
    { folds = 5, seed = 0, signal }: CrossValidateOptions = {},
  ): Promise<CrossValidation> {
    checkRows(X, y);
    if (!Number.isInteger(folds) || folds < 2 || folds > X.length)
      throw new TypeError(`folds is a whole number from 2 to the number of rows, ${X.length}`);
    const foldOf = dealFolds(X, y, folds, seed);
    const run = randomId();
    const judged = await Promise.allSettled(
      Array.from({ length: folds }, (_, fold) =>
        this.#judgeFold(X, y, foldOf, fold, { user: `fold-${fold}-${run}`, signal }),
      ),
    );
    const metrics = judged.map((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value;
    });
    const scores = metrics.map(scoreOf);
    const mean = scores.reduce((a, b) => a + b) / folds;
    const variance = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / folds;
    return { scores, mean, std: Math.sqrt(variance), metrics };
  }

  /** Cross-validates every combination, then fits with the best on all rows. */
  async gridSearch(
    grid: Grid,
    X: readonly string[],
    y: readonly Answer[],
    options: CrossValidateOptions & Pick<FitOptions, 'callbacks'> = {},
  ): Promise<GridResult> {
    const results: GridResult['results'] = [];
    for (const params of combinations(grid)) {
      const candidate = this.#clone(this.user, { ...this.#params, ...params });
      const { mean, std } = await candidate.crossValidate(X, y, options);
      results.push({ params, mean, std });
    }
    // The first of equals wins: put the cheapest first.
    results.sort((a, b) => b.mean - a.mean);
    const best = results[0]?.params;
    if (!best) throw new TypeError('a grid needs a value for each of its parameters');
    const { callbacks, signal } = options;
    return { results, best, history: await this.setParams(best).fit(X, y, { callbacks, signal }) };
  }

  /** Ends what this object opened: the engine of `@scion/sdk/local`, nothing on a service. */
  close(): Promise<void> {
    return this.#trainer.close();
  }

  #clone(user: string, params: PersonalizerParams): Personalizer {
    return new Personalizer({ ...params, trainer: this.#trainer, task: this.task, user });
  }

  async #judgeFold(
    X: readonly string[],
    y: readonly Answer[],
    foldOf: readonly number[],
    fold: number,
    { user, signal }: { user: string; signal: AbortSignal | undefined },
  ): Promise<Metrics> {
    const inside = pick(X, y, (row) => foldOf[row] !== fold);
    const outside = pick(X, y, (row) => foldOf[row] === fold);
    const model = this.#clone(user, { ...this.#params, gate: false });
    try {
      const { stopped } = await model.fit(inside.X, inside.y, { signal });
      if (stopped !== null)
        throw new ScionError({
          code: 'job_cancelled',
          title: 'A fold was not trained to its end',
          detail: `Of fold ${fold}, ${stopped}: cross-validate again.`,
        });
      return await model.evaluate(outside.X, outside.y);
    } finally {
      await this.#trainer.forget(user);
    }
  }

  async #ask(X: readonly string[]): Promise<Omit<Judged, 'truth'>[]> {
    const predictions = await this.#trainer.predict(this.user, X);
    return predictions.map((prediction) => {
      if ('value' in prediction) return { answer: prediction.value, probabilities: {} };
      const answer = 'labels' in prediction ? prediction.labels : prediction.label;
      return { answer, probabilities: prediction.probabilities };
    });
  }

  async #fit(
    X: readonly string[],
    y: readonly Answer[],
    { callbacks = [], validationSplit = 0, sampleWeight, signal }: FitOptions,
    keepOthers: boolean,
  ): Promise<History> {
    checkRows(X, y);
    if (sampleWeight && sampleWeight.length !== X.length)
      throw new TypeError('sampleWeight has one weight for each row');
    if (!(validationSplit >= 0 && validationSplit < 1))
      throw new TypeError('validationSplit is a share from 0 to below 1');
    const { gate = this.#defaultGate, ...training } = this.#params;
    const held = holdBack(X, y, validationSplit, training.seed ?? 0);
    const rows = await toRows(X, y, sampleWeight, (row) => !held.has(row));
    const outside = pick(X, y, (row) => held.has(row));

    const controller = new AbortController();
    let stopped: string | null = null;
    const run = {
      stop(reason: string) {
        stopped ??= reason;
        controller.abort();
      },
    };
    const onAbort = () => controller.abort(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const metrics: JobMetric[] = [];
    const startedAt = performance.now();
    try {
      signal?.throwIfAborted();
      for (const callback of callbacks)
        callback.onTrainBegin?.({ rows: rows.length, validationRows: outside.X.length });
      const outcome = await this.#trainer.train(this.user, {
        ...{ rows, keepOthers, training, gate },
        signal: controller.signal,
        onMetric(metric) {
          metrics.push(metric);
          for (const callback of callbacks) callback.onEpochEnd?.(metric.step, metric, run);
        },
        onProgress(share, stage) {
          for (const callback of callbacks) callback.onProgress?.(share, stage);
        },
      });
      signal?.throwIfAborted();
      const { version, method, gate: decision } = outcome;
      if (outcome.stopped) stopped ??= 'its job was cancelled';
      const history: History = {
        ...{ metrics, version, method, gate: decision, stopped },
        validation:
          outside.X.length === 0 || version === null ? null : await this.evaluate(outside.X, outside.y),
        seconds: (performance.now() - startedAt) / 1_000,
      };
      for (const callback of callbacks) callback.onTrainEnd?.(history);
      return history;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }
}

function scoreOf({ accuracy, r2 }: Metrics): number {
  return accuracy ?? r2 ?? Number.NaN;
}

function checkRows(X: readonly string[], y: readonly Answer[]): void {
  if (X.length !== y.length) throw new TypeError(`X has ${X.length} rows and y ${y.length}`);
  if (X.length === 0) throw new TypeError('X has no rows');
}

function pick(X: readonly string[], y: readonly Answer[], wanted: (row: number) => boolean) {
  const rows = X.map((_, row) => row).filter(wanted);
  return { X: rows.map((row) => X[row]!), y: rows.map((row) => y[row]!) };
}

/** Rows with ids made from what they say, so that fitting the same rows again sends nothing new. */
async function toRows(
  X: readonly string[],
  y: readonly Answer[],
  weights: readonly number[] | undefined,
  wanted: (row: number) => boolean,
): Promise<TrainingRow[]> {
  const seen = new Map<string, number>();
  const rows: TrainingRow[] = [];
  for (const [row, input] of X.entries()) {
    if (!wanted(row)) continue;
    const content = JSON.stringify([input, y[row]]);
    const copy = seen.get(content) ?? 0;
    seen.set(content, copy + 1);
    const id = `fit-${await idOfText(`${content}${copy}`)}`;
    const weight = weights?.[row];
    rows.push({ id, input, label: y[row]!, ...(weight !== undefined && { weight }) });
  }
  return rows;
}

/** The cartesian product, in the order given, the last parameter changing fastest. */
function combinations(grid: Grid): PersonalizerParams[] {
  return Object.entries(grid).reduce<PersonalizerParams[]>(
    (all, [name, values]) => all.flatMap((params) => values.map((value) => ({ ...params, [name]: value }))),
    [{}],
  );
}
