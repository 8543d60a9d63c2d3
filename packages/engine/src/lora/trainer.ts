import type { TaskKind } from '@scion/contracts';
import type { ParameterLayout } from '@scion/graph';
import { selectTargets, type Targets } from '../head/targets.js';
import type {
  FitState,
  TrainingGraphKey,
  TrainingRow,
  TrainSlice,
  TrainSliceResult,
  TrainStep,
  TrunkOutput,
} from '../thread/protocol.js';
import { batchCount, epochBatches } from './batches.js';
import { type LoraSettings, rateAt } from './recipe.js';
import { chooseStack, paddedTokens } from './stacking.js';

/** The rows of one job, shared by its fits. */
export interface FitRows {
  trunk: TrunkOutput[];
  targets: Targets;
  weights: Float32Array;
}

export interface FitRequest {
  rows: FitRows;
  /** Which of the rows this fit trains on. */
  members: Int32Array;
  from: FitState;
  /** The step to stop at. Rates and batches follow from the settings' epochs, wherever a fit stops on its way. */
  until: number;
  settings: LoraSettings;
  seed: number;
  signal?: AbortSignal | undefined;
  /** After each slice of steps: the losses of those, one a step. */
  onSteps?(progress: FitProgress): void;
}

export interface FitProgress {
  state: FitState;
  losses: number[];
  /** Rows that those steps were made of. */
  examples: number;
}

export interface Trainer {
  /** Where a user's parameters lie; derives the training graph where it has not been yet. */
  layout(kind: TaskKind, settings: LoraSettings): Promise<ParameterLayout>;
  /** Rejects with the signal's reason. */
  fit(request: FitRequest): Promise<FitState>;
}

export interface TrainerThreads {
  size: number;
  /** Runs a slice on a thread, when one is free for it. */
  train(slice: TrainSlice): Promise<TrainSliceResult>;
  prepare(graph: TrainingGraphKey): Promise<ParameterLayout>;
}

/**
 * Rows × tokens after which a thread looks up: a fifth of a second, so that predictions and cancels need not wait, and that
 * the fits of a job end their epochs together whatever number of threads makes them.
 */
const SLICE_TOKENS = 1_024;

/**
 * What the projections of a job's rows may take up, in bytes: those of some 400 rows of 32 tokens (three times as much as
 * the trunk's output). Those of further rows are computed in each step anew.
 */
const PROJECTION_BYTES = 64e6;

/** A job's rows, as they go to threads: with their projections, as soon as one has been at a thread. */
interface KeptRows {
  rows: TrainingRow[];
  /** For further projections; 0 once one had no room. */
  bytesLeft: number;
}

interface ActiveFit {
  request: FitRequest;
  state: FitState;
  perEpoch: number;
  total: number;
  /** The batches of the epoch that is being made. */
  epoch: number;
  batches: number[][];
  resolve(state: FitState): void;
  reject(error: unknown): void;
}

/**
 * Trains many fits at once, of one job's folds and of different users: decides which of them share a run, cuts their steps
 * into slices and gives those to threads. What comes out of a fit does not hang on what it shared runs with, to the bit.
 */
export function createTrainer(threads: TrainerThreads, projectionBytes = PROJECTION_BYTES): Trainer {
  const waiting = new Set<ActiveFit>();
  const kept = new WeakMap<FitRows, KeptRows>();
  const keptOf = (rows: FitRows): KeptRows => {
    const known = kept.get(rows) ?? {
      rows: rows.trunk.map((row) => ({ ...row })),
      bytesLeft: projectionBytes,
    };
    kept.set(rows, known);
    return known;
  };
  const layouts = new Map<string, Promise<ParameterLayout>>();
  let running = 0;
  let planned = false;

  const begin = (fit: ActiveFit) => {
    const { request, state } = fit;
    fit.epoch = Math.floor(state.step / fit.perEpoch);
    fit.batches = epochBatches(
      request.members,
      (row) => request.rows.trunk[row].tokens,
      request.settings.batchRows,
      request.seed,
      fit.epoch,
    );
  };

  /** Of the batch that is so many steps ahead, within the epoch. */
  const shapeOf = (fit: ActiveFit, ahead = 0) => {
    const batch = fit.batches[(fit.state.step % fit.perEpoch) + ahead];
    const { trunk } = fit.request.rows;
    const longest = batch.reduce((most, row) => Math.max(most, trunk[row].tokens), 0);
    return { rows: batch.length, tokens: paddedTokens(batch.length, longest) };
  };

  const areAlike = (stack: ActiveFit[], ahead: number): boolean => {
    const [first, ...others] = stack.map((fit) => shapeOf(fit, ahead));
    return others.every(({ rows, tokens }) => rows === first.rows && tokens === first.tokens);
  };

  const graphOf = ({ rows, settings }: FitRequest): TrainingGraphKey => ({
    kind: rows.targets.kind,
    rank: settings.rank,
  });

  /** The next steps of stacked fits: while their batches are of one shape, within every fit's epoch, some `SLICE_TOKENS`. */
  const cut = (stack: ActiveFit[]): TrainSlice => {
    const steps: TrainStep[][] = [];
    const left = Math.min(
      ...stack.map(({ request, state, perEpoch }) =>
        Math.min(perEpoch - (state.step % perEpoch), request.until - state.step),
      ),
    );
    let tokens = 0;
    while (
      steps.length < left &&
      (steps.length === 0 || (tokens < SLICE_TOKENS && areAlike(stack, steps.length)))
    ) {
      const made = steps.length;
      const shape = shapeOf(stack[0], made);
      const step = stack.map((fit): TrainStep => {
        const { rows, settings } = fit.request;
        const batch = fit.batches[(fit.state.step % fit.perEpoch) + made];
        const own = keptOf(rows).rows;
        const rate = rateAt(fit.state.step + made + 1, fit.total, settings.warmup);
        return {
          tokens: shape.tokens,
          rows: batch.map((row) => own[row]),
          targets: selectTargets(rows.targets, batch).values,
          weights: Float32Array.from(batch, (row) => rows.weights[row]),
          adapterRate: rate * settings.adapterRate,
          headRate: rate * settings.headRate,
        };
      });
      tokens += stack.length * shape.rows * shape.tokens;
      steps.push(step);
    }
    return {
      graph: graphOf(stack[0].request),
      users: stack.map(({ request, state }) => ({
        outputs: request.rows.targets.outputs,
        state,
        adapterScale: request.settings.alpha / request.settings.rank,
        labelSmoothing: request.settings.labelSmoothing,
        weightDecay: request.settings.weightDecay,
        clipNorm: request.settings.clipNorm,
      })),
      steps,
      keepProjections: stack.every(({ request }) => keptOf(request.rows).bytesLeft > 0),
    };
  };

  /** For the steps to come of the same job, whichever of its fits makes them. */
  const keep = (stack: ActiveFit[], { steps }: TrainSlice, computed: TrainSliceResult['computed']) => {
    for (const { step, row, projections } of computed) {
      const perUser = steps[step][0].rows.length;
      const user = Math.floor(row / perUser);
      const own = steps[step][user].rows[row % perUser];
      const job = keptOf(stack[user].request.rows);
      if (own.projections) continue;
      job.bytesLeft = Math.max(0, job.bytesLeft - projections.byteLength);
      if (job.bytesLeft > 0) own.projections = projections;
    }
  };

  const run = async (stack: ActiveFit[]): Promise<void> => {
    const slice = cut(stack);
    const { states, losses, computed } = await threads.train(slice);
    keep(stack, slice, computed);
    for (const [user, fit] of stack.entries()) {
      fit.state = states[user];
      const { request, state, perEpoch } = fit;
      if (request.signal?.aborted) {
        fit.reject(request.signal.reason);
        continue;
      }
      const examples = slice.steps.reduce((sum, step) => sum + step[user].rows.length, 0);
      request.onSteps?.({ state, losses: losses.map((step) => step[user]), examples });
      if (state.step >= request.until) {
        fit.resolve(state);
        continue;
      }
      if (Math.floor(state.step / perEpoch) !== fit.epoch) begin(fit);
      waiting.add(fit);
    }
  };

  const pump = () => {
    planned = false;
    while (waiting.size > 0 && running < threads.size) {
      for (const fit of waiting)
        if (fit.request.signal?.aborted) {
          waiting.delete(fit);
          fit.reject(fit.request.signal.reason);
        }
      const candidates = [...waiting].map((fit) => {
        const shape = shapeOf(fit);
        const { kind, rank } = graphOf(fit.request);
        return {
          fit,
          ...shape,
          graph: `${kind} ${rank} ${fit.request.rows.targets.outputs}`,
          remaining: (fit.request.until - fit.state.step) * shape.rows * shape.tokens,
        };
      });
      const stack = chooseStack(candidates, threads.size - running).map(({ fit }) => fit);
      if (stack.length === 0) return;
      for (const fit of stack) waiting.delete(fit);
      running += 1;
      run(stack)
        .catch((error) => {
          for (const fit of stack) fit.reject(error);
        })
        .finally(() => {
          running -= 1;
          pump();
        });
    }
  };

  /** At the end of this turn, so that fits that are asked for together are seen together. */
  const plan = () => {
    if (planned) return;
    planned = true;
    setImmediate(pump);
  };

  return {
    layout(kind, { rank }) {
      const key = `${kind} ${rank}`;
      const known = layouts.get(key) ?? threads.prepare({ kind, rank });
      layouts.set(key, known);
      known.catch(() => layouts.delete(key));
      return known;
    },
    fit(request) {
      const { from, until, members, settings } = request;
      if (from.step >= until) return Promise.resolve(from);
      const perEpoch = batchCount(members.length, settings.batchRows);
      const total = perEpoch * settings.epochs;
      return new Promise((resolve, reject) => {
        const fit: ActiveFit = {
          ...{ request, state: from, perEpoch, total, epoch: 0, batches: [], resolve, reject },
        };
        begin(fit);
        waiting.add(fit);
        plan();
      });
    },
  };
}
