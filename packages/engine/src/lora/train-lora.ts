import { AppError, type TaskKind } from '@scion/contracts';
import { initialParameters, type ParameterLayout, parameterCount } from '@scion/graph';
import type { LoraMatrices } from '../adapter/encode.js';
import type { BaseInfo } from '../base/base-info.js';
import {
  calibratedHead,
  type FitEvent,
  type FittedLinear,
  type HeadData,
  type LinearFit,
  type OutOfFold,
  standardizeTargets,
} from '../head/fit-head.js';
import { type Folds, stratifiedFolds } from '../head/folds.js';
import { meanRowLoss } from '../head/metrics.js';
import { createRandom } from '../head/random.js';
import { strataOf, type Targets } from '../head/targets.js';
import { crossCalibrated, fitTemperature, predictionsAt } from '../head/temperature.js';
import type { FitState, Row, RowAnswer, TrunkOutput } from '../thread/protocol.js';
import { batchCount } from './batches.js';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from './checkpoint.js';
import { type HeadValues, headOf, matricesOf, moveHead, setHead } from './parameters.js';
import { createProgress } from './progress.js';
import { type LoraSettings, NEW_ROW_WEIGHT } from './recipe.js';
import { servingWeights } from './serving.js';
import type { Trainer } from './trainer.js';
import type { Continued } from './warm-start.js';

export interface LoraInput {
  trunk: TrunkOutput[];
  /** The bare base's, rows × featureSize: heads start on them. */
  features: Float32Array;
  targets: Targets;
  weights: Float32Array;
  /** Rows of one group are never on both sides of a fold. */
  groups: Int32Array;
  /** The penalty of the head that the adapters are compared with, and served under. */
  headL2: number;
  /** Of the labels, as a head takes them. */
  names?: Float32Array | undefined;
  /** What to go on from; left out, training starts from scratch. */
  from?: Continued | undefined;
}

export interface LoraOptions {
  settings: LoraSettings;
  seed: number;
  signal?: AbortSignal | undefined;
  onEvent?: ((event: FitEvent) => void) | undefined;
  /** Names the examples: a checkpoint of others is of no use. */
  dataSha256: string;
  /** What a run that died had written with `onCheckpoint`; ignored if it is not of this very work. */
  resume?: Uint8Array | undefined;
  /** Everything that is needed to go on from here. Called while more work lies behind than is worth losing. */
  onCheckpoint?: ((bytes: Uint8Array) => void | Promise<void>) | undefined;
  /**
   * What lies behind when a checkpoint is written, at the next place where the fits wait for one another (`LEG_TOKENS`). Writing
   * one costs some ten milliseconds. Default 5.
   */
  checkpointSeconds?: number | undefined;
}

export interface FittedLora {
  matrices: LoraMatrices[];
  /** For serving's features; the temperature is folded in. */
  weight: Float32Array;
  bias: Float32Array;
  /** As a fitted head's. */
  scale: number;
  recipe: { epochs: number; folds: number; temperature: number };
  outOfFold: OutOfFold;
  /** On the same folds and rows, what a head alone says. */
  headOutOfFold: OutOfFold;
  folds: Folds;
  /** Of each fold's fit, then of the one that is served: see `WarmStart`. */
  changes: Float32Array[];
  /** From which step of all a resumed run went on; 0 otherwise. */
  resumedFrom: number;
}

export interface LoraParts {
  base: BaseInfo;
  trainer: Trainer;
  run(rows: Row[], options: { bulk: true; signal?: AbortSignal | undefined }): Promise<RowAnswer[]>;
  fitLinear(data: Omit<HeadData, 'groups'>, fits: LinearFit[], signal?: AbortSignal): Promise<FittedLinear[]>;
}

/** Epochs without a better held-out loss after which training stops. */
const PATIENCE = 2;
/** The most rows × tokens of all fits between two looks at the time for a checkpoint. */
const LEG_TOKENS = 65_536;

/**
 * Low-rank adapters with their head, cross-validated as they are trained: one fit for each fold, and one on all rows that
 * will be served, all of them run side by side. After each epoch beyond the middle (or each at all where training goes on
 * from an earlier one) the held-out rows are answered as serving would; the epoch with the least held-out loss counts, for
 * every fit. The head alone is cross-validated on the same folds, so that the two can be compared row by row. Deterministic for a seed.
 * @throws AppError training_diverged
 */
export async function trainLora(
  parts: LoraParts,
  input: LoraInput,
  options: LoraOptions,
): Promise<FittedLora> {
  const { base, trainer } = parts;
  const { settings, seed, signal, checkpointSeconds = 5 } = options;
  const rowWeights = Float64Array.from(input.weights);
  const { targets, restore } = standardizeTargets(input.targets, rowWeights);
  const { outputs } = targets;
  const count = input.trunk.length;
  const { strata, count: classes } = strataOf(targets);
  const folds = input.from?.folds ?? stratifiedFolds(strata, input.groups, classes, seed, settings.folds);
  const all = Int32Array.from({ length: count }, (_, row) => row);
  const inside = (fold: number) => all.filter((row) => folds.fold[row] !== fold);
  const outside = (fold: number) => all.filter((row) => folds.fold[row] === fold);
  const numbers = Array.from({ length: folds.count }, (_, number) => number);
  /** Those of the folds, then the one that is kept. */
  const members = [...numbers.map(inside), all];

  const layout = await trainer.layout(targets.kind, settings);
  const linear = await parts.fitLinear(
    { features: input.features, columns: base.featureSize, targets, rowWeights, names: input.names },
    [
      ...members.map((rows) => ({ rows, l2: settings.startL2, scored: new Int32Array() })),
      ...members.map((rows, i) => ({
        rows,
        l2: input.headL2,
        scored: i < folds.count ? outside(i) : new Int32Array(),
      })),
    ],
    signal,
  );
  const [softHeads, bestHeads] = [linear.slice(0, members.length), linear.slice(members.length)];
  /** What is served of a fit: its adapters, and the best bare head with what training changed in the soft one. */
  const served = (i: number, parameters: Float32Array) =>
    moveHead(parameters, layout, base.hiddenSize, { from: softHeads[i], to: bestHeads[i] });
  const { isNew } = input.from ?? {};
  const weights = input.weights.map((weight, row) => (isNew?.[row] ? NEW_ROW_WEIGHT * weight : weight));
  const rows = { trunk: input.trunk, targets, weights };
  const steps = members.map((own) => batchCount(own.length, settings.batchRows));
  const tokens = input.trunk.reduce((sum, row) => sum + row.tokens, 0);
  const legs = Math.max(1, Math.ceil((tokens * folds.count) / LEG_TOKENS));
  const progress = createProgress({
    onEvent: options.onEvent,
    names: [...numbers.map((number) => `lora fold ${number + 1} of ${folds.count}`), 'lora'],
    examples: members.reduce((sum, own) => sum + own.length, 0) * settings.epochs,
  });

  const { dataSha256 } = options;
  const key = { settings, seed, baseSha256: base.sha256, dataSha256, startSha256: input.from?.sha256 };
  const resumed = options.resume && decodeCheckpoint(options.resume, key);
  let at: Checkpoint = resumed ?? {
    leg: 0,
    states: starts(layout, outputs, base.hiddenSize, softHeads, input.from?.changes ?? seed),
    best: undefined,
    stale: 0,
  };
  const resumedFrom = at.states.at(-1)!.step;
  /** Whether held-out rows are answered at the end of a leg. */
  const isJudged = (leg: number) =>
    leg % legs === 0 && (input.from !== undefined || leg / legs > settings.epochs / 2);
  /** Fits wait for one another only there, or after so much work that a checkpoint may be due: waiting leaves threads idle. */
  const stopAfter = (leg: number) => {
    let stop = leg + 1;
    while (!isJudged(stop) && ((stop + 1 - leg) * tokens * folds.count) / legs <= LEG_TOKENS) stop += 1;
    return stop;
  };
  let savedAt = performance.now();
  while (at.leg < settings.epochs * legs && at.stale < PATIENCE) {
    const leg = stopAfter(at.leg);
    // Where one fails, nobody waits for the others.
    const failed = new AbortController();
    const either = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
    const states = await Promise.all(
      members.map((own, i) =>
        trainer.fit({
          ...{ rows, members: own, from: at.states[i], settings, signal: either },
          until: Math.round((steps[i] * leg) / legs),
          seed: seed + i,
          onSteps: (done) => progress.steps(i, done),
        }),
      ),
    ).catch((error) => {
      failed.abort(error);
      throw error;
    });
    at = { ...at, leg, states };
    if (isJudged(leg)) {
      const scores = await scoreOutside(states);
      const heldOut = { scores, targets };
      const temperature = fitTemperature(heldOut, all);
      const predictions = predictionsAt(heldOut, all, () => temperature);
      const loss = meanRowLoss(predictions, targets, all);
      if (!Number.isFinite(loss))
        throw new AppError('training_diverged', 'Training of the adapters left the range of numbers.');
      progress.validated(states, targets, predictions, loss);
      at =
        at.best === undefined || loss < at.best.loss
          ? {
              ...at,
              stale: 0,
              best: { epoch: leg / legs, loss, scores, parameters: states.map((state) => state.parameters) },
            }
          : { ...at, stale: at.stale + 1 };
    }
    if (options.onCheckpoint && performance.now() - savedAt >= checkpointSeconds * 1_000) {
      await options.onCheckpoint(encodeCheckpoint(at, key));
      savedAt = performance.now();
    }
  }

  const best = at.best!;
  const heldOut = { scores: best.scores, targets };
  const temperature =
    fitTemperature(heldOut, all) * stretchOf(members, targets.kind, input.from !== undefined);
  const headScores = new Float64Array(count * outputs);
  for (const number of numbers) scatter(bestHeads[number].scores, outside(number), outputs, headScores);
  const outOfFold = (scores: Float64Array): OutOfFold => ({
    rows: all,
    predictions: crossCalibrated({ scores, targets }, folds.fold, folds.count, all).map(
      (value) => value * restore.scale + restore.shift,
    ),
  });
  const parameters = served(folds.count, best.parameters.at(-1)!);
  return {
    matrices: matricesOf(parameters, layout, base.sites),
    ...calibratedHead(headOf(parameters, layout, base.hiddenSize, outputs), temperature, restore),
    recipe: { epochs: best.epoch, folds: folds.count, temperature },
    outOfFold: outOfFold(best.scores),
    headOutOfFold: outOfFold(headScores),
    folds,
    changes: best.parameters.map((own, i) =>
      moveHead(own, layout, base.hiddenSize, { from: softHeads[i], to: nothing(softHeads[i]) }),
    ),
    resumedFrom,
  };

  /** What each fold's fit says of the rows it was not trained on, by the very path that serves. */
  async function scoreOutside(states: FitState[]): Promise<Float64Array> {
    const scores = new Float64Array(count * outputs);
    await Promise.all(
      numbers.map(async (number) => {
        const { head, lora } = servingWeights(served(number, states[number].parameters), {
          ...{ layout, outputs, settings },
          sites: base.sites,
          hiddenSize: base.hiddenSize,
        });
        const held = outside(number);
        const answers = await parts.run(
          Array.from(held, (row) => ({ input: input.trunk[row], lora, answer: [head] })),
          { bulk: true, signal },
        );
        for (const [i, row] of held.entries()) scores.set(answers[i].values, row * outputs);
      }),
    );
    return scores;
  }
}

/**
 * How much further apart the kept fit's scores lie than those of the folds, which the temperature was found on: it made more steps, having
 * more rows. The fourth root of that ratio, 1.19 for two folds, took three points of overconfidence away on the sets
 * that the recipe was tuned on, and was the best of five factors there. Training that goes on makes more steps on most rows, and takes a
 * tenth more.
 */
function stretchOf(members: Int32Array[], kind: TaskKind, continued: boolean): number {
  if (kind === 'regression') return 1;
  const ofFolds = members.slice(0, -1).reduce((sum, own) => sum + own.length, 0) / (members.length - 1);
  return (members.at(-1)!.length / ofFolds) ** 0.25 * (continued ? 1.1 : 1);
}

/**
 * Each fit starts from a head of its own rows.
 * @param from the seed of the adapters, the same for all; or what earlier training changed in each
 */
function starts(
  layout: ParameterLayout,
  outputs: number,
  hiddenSize: number,
  heads: FittedLinear[],
  from: number | Float32Array[],
): FitState[] {
  const size = parameterCount(layout, outputs);
  return heads.map((head, i) => {
    let parameters: Float32Array;
    if (typeof from === 'number') {
      parameters = initialParameters(layout, outputs, createRandom(from));
      setHead(parameters, layout, hiddenSize, head);
    } else parameters = moveHead(from[i], layout, hiddenSize, { from: nothing(head), to: head });
    return {
      step: 0,
      parameters,
      firstMoment: new Float32Array(size),
      secondMoment: new Float32Array(size),
    };
  });
}

/** A head of zeros, of the same size. */
const nothing = ({ weight, bias }: HeadValues): HeadValues => ({
  weight: new Float32Array(weight.length),
  bias: new Float32Array(bias.length),
});

function scatter(from: Float64Array, rows: Int32Array, outputs: number, to: Float64Array): void {
  for (const [at, row] of rows.entries())
    to.set(from.subarray(at * outputs, (at + 1) * outputs), row * outputs);
}
