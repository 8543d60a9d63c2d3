import { type Answer, AppError, type TaskKind } from '@scion/contracts';
import { parameterCount } from '@scion/graph';
import type { LoraMatrices } from './adapter/encode.js';
import type { BaseInfo } from './base/base-info.js';
import { balanced } from './head/class-balance.js';
import type { FitEvent, OutOfFold } from './head/fit-head.js';
import { selectTargets, strataOf } from './head/targets.js';
import { continuedSettings, type LoraSettings, MAX_TRAINING_TOKENS, MIN_LORA_ROWS } from './lora/recipe.js';
import { newestOfEach } from './lora/subset.js';
import { type FittedLora, type LoraOptions, trainLora } from './lora/train-lora.js';
import type { Trainer } from './lora/trainer.js';
import { encodeWarmStart, openWarmStart, rowKeys } from './lora/warm-start.js';
import type { Scheduler } from './schedule/scheduler.js';
import { labelsOf, targetsOf } from './targets-of.js';
import type { Row, TrunkOutput } from './thread/protocol.js';
import type { Embedded, TrunkCache } from './trunk-cache.js';
import { labelPhrase } from './zero-shot.js';

export interface TrainInput {
  /** Whose trunk outputs are remembered, apart from all others'. */
  tenantId: string;
  kind: TaskKind;
  texts: string[];
  answers: Answer[];
  /** Positive; 1 each when left out. A row of weight 2 counts as that row twice. */
  weights?: number[];
  /** Distinct. Rows are trained on in the order of their ids, so that the result does not hang on the order given. */
  ids: string[];
  /** How far rare labels are weighted up, 0 to 1; see `Training`. */
  classBalance?: number;
}

export interface TrainedModel {
  /** Sorted; the order of the weight's rows. Of a regression none. */
  labels: string[];
  /** outputs × features */
  weight: Float32Array;
  bias: Float32Array;
  /** Of a regression what features · weight is multiplied with before the bias is added; else 1. */
  scale: number;
  /** What models that had not seen them say of rows of the input: rows × outputs. */
  outOfFold: { rows: number[]; predictions: Float32Array };
  seconds: { embed: number; fit: number };
}

export interface TrainedHead extends TrainedModel {
  recipe: { l2: number; folds: number; temperature: number };
}

export interface TrainedLora extends TrainedModel {
  matrices: LoraMatrices[];
  recipe: FittedLora['recipe'] & { l2: number };
  /** As they were used: a training that went on from the warm start given, `continued`, has its own. */
  settings: LoraSettings;
  continued: boolean;
  /** What the next training of this model may go on from, should this version be the live one by then. */
  warmStart: Uint8Array;
  /** What a head alone, cross-validated on the same folds, says of the same rows. */
  headOutOfFold: { rows: number[]; predictions: Float32Array };
  /** Steps that an earlier run had made. */
  resumedFrom: number;
}

/** One user's model in the making: the head first, in a second, and adapters where they are wanted. */
export interface Training {
  /** Whether there are rows enough to learn more than a head from. */
  canAdapt: boolean;
  head(options?: { l2Grid?: readonly number[] }): Promise<TrainedHead>;
  /**
   * @param options `headL2`: the penalty of the head, with which adapters are compared; `warmStart`: what the training of
   * the live version left, gone on from if only some rows are new since then, and ignored if it does not fit
   */
  lora(
    options: Omit<LoraOptions, keyof TrainOptions> & { headL2: number; warmStart?: Uint8Array | undefined },
  ): Promise<TrainedLora>;
}

export interface TrainOptions {
  seed: number;
  signal?: AbortSignal | undefined;
  onEvent?: ((event: FitEvent) => void) | undefined;
}

export interface TrainingParts {
  base: BaseInfo;
  scheduler: Pick<Scheduler, 'run' | 'fit' | 'fitLinear'>;
  trainer: Trainer;
  trunkCache: TrunkCache<Embedded>;
}

/**
 * Checks and orders the rows. What the trunk makes of them is computed once, for both stages and for later jobs.
 * @throws AppError too_few_examples with fewer than two labels; TypeError where the input does not fit together
 */
export function createTraining(parts: TrainingParts, input: TrainInput, options: TrainOptions): Training {
  const { texts, ids, answers, kind, tenantId } = input;
  const { seed, signal, onEvent } = options;
  const count = texts.length;
  const weights = input.weights ?? texts.map(() => 1);
  if (answers.length !== count || ids.length !== count || weights.length !== count)
    throw new TypeError('texts, answers, ids and weights differ in length');
  if (new Set(ids).size !== count) throw new TypeError('ids are not distinct');
  if (!weights.every((weight) => weight > 0 && Number.isFinite(weight)))
    throw new TypeError('a weight is not a positive number');
  const labels = labelsOf(kind, answers);
  if (labels.length < (kind === 'classification' ? 2 : kind === 'multilabel' ? 1 : 0) || count < 2)
    throw new AppError('too_few_examples', 'Training needs examples of two labels at least.');

  const order = texts.map((_, row) => row).sort((a, b) => (ids[a] < ids[b] ? -1 : 1));
  const ordered = order.map((row) => texts[row]);
  const groupOf = new Map(ordered.map((text, at) => [text, at]));
  const groups = Int32Array.from(ordered, (text) => groupOf.get(text)!);
  const targets = targetsOf(
    kind,
    order.map((row) => answers[row]),
    labels,
  );
  const rowWeights = balanced(
    targets,
    Float64Array.from(order, (row) => weights[row]),
    input.classBalance ?? 0,
  );
  const original = ({ rows, predictions }: OutOfFold, subset?: Int32Array) => ({
    rows: Array.from(rows, (row) => order[subset ? subset[row] : row]),
    predictions,
  });
  const seconds = (from: number) => (performance.now() - from) / 1_000;

  // Of rows that adapters do not train on only features are kept. The last ones given are the newest.
  const newestFirst = [...order.keys()].sort((a, b) => order[b] - order[a]);
  const { strata } = strataOf(targets);
  const subset = newestOfEach(
    { texts: ordered, strata, newestFirst },
    { maxTokens: parts.base.maxTokens, budget: MAX_TRAINING_TOKENS },
  );
  let embedded:
    | Promise<{
        features: Float32Array;
        names: Float32Array | undefined;
        trunk: Map<number, TrunkOutput>;
        took: number;
      }>
    | undefined;
  const embed = () => {
    embedded ??= embedRows().catch((error) => {
      embedded = undefined;
      throw error;
    });
    return embedded;
  };
  async function embedRows() {
    const startedAt = performance.now();
    const { featureSize, hiddenSize } = parts.base;
    const features = new Float32Array(count * featureSize);
    const names = new Float32Array(labels.length * hiddenSize);
    const trunk = new Map<number, TrunkOutput>();
    const wanted = new Set(subset);
    const missing: number[] = [];
    for (const [at, text] of ordered.entries()) {
      const known = parts.trunkCache.get(tenantId, text);
      if (known) {
        features.set(known.features, at * featureSize);
        if (wanted.has(at)) trunk.set(at, known.trunk);
      } else missing.push(at);
    }
    const found = await parts.scheduler.run(
      [
        ...missing.map((at): Row => ({ input: ordered[at], answer: 'features', keepTrunk: wanted.has(at) })),
        ...labels.map((label): Row => ({ input: labelPhrase(label), answer: 'features' })),
      ],
      { bulk: true, signal },
    );
    for (const [i, at] of missing.entries()) {
      const { values, trunk: own } = found[i];
      features.set(values, at * featureSize);
      if (!own) continue;
      trunk.set(at, own);
      parts.trunkCache.set(tenantId, ordered[at], { trunk: own, features: values });
    }
    for (const [c, { values }] of found.slice(missing.length).entries())
      names.set(values.subarray(featureSize - hiddenSize), c * hiddenSize);
    return { features, names: labels.length > 0 ? names : undefined, trunk, took: seconds(startedAt) };
  }

  const made: Training = {
    // Rows of one text share a fold: it takes another text for the fold to have something to train on.
    canAdapt: subset.length >= MIN_LORA_ROWS && subset.some((at) => groups[at] !== groups[subset[0]]),
    async head({ l2Grid } = {}) {
      const { features, names, took } = await embed();
      const startedAt = performance.now();
      // A copy: it is moved to the thread.
      const data = {
        features: features.slice(),
        columns: parts.base.featureSize,
        targets,
        rowWeights,
        groups,
        names,
      };
      const fitted = await parts.scheduler.fit(data, {
        ...{ seed, signal, onEvent },
        ...(l2Grid && { grid: l2Grid }),
      });
      return {
        labels,
        weight: fitted.weight,
        bias: fitted.bias,
        scale: fitted.scale,
        recipe: fitted.recipe,
        outOfFold: original(fitted.outOfFold),
        seconds: { embed: took, fit: seconds(startedAt) },
      };
    },
    async lora({ settings, headL2, warmStart, ...rest }) {
      const { features, names, trunk, took } = await embed();
      const startedAt = performance.now();
      const { featureSize } = parts.base;
      const own = new Float32Array(subset.length * featureSize);
      for (const [i, at] of subset.entries())
        own.set(features.subarray(at * featureSize, (at + 1) * featureSize), i * featureSize);
      const key = {
        ...{ settings, seed, kind, labels, baseSha256: parts.base.sha256 },
        classBalance: input.classBalance ?? 0,
      };
      const keys = rowKeys(
        Array.from(subset, (at) => ({
          ...{ id: ids[order[at]], text: ordered[at] },
          ...{ answer: answers[order[at]], weight: weights[order[at]] },
        })),
      );
      const rows = {
        keys,
        groups: Int32Array.from(subset, (at) => groups[at]),
        strata: Int32Array.from(subset, (at) => strata[at]),
      };
      const size = parameterCount(await parts.trainer.layout(kind, settings), targets.outputs);
      const from = warmStart && openWarmStart(warmStart, key, size, rows);
      const used = from ? continuedSettings(settings) : settings;
      const fit = trainLora(
        {
          base: parts.base,
          trainer: parts.trainer,
          run: parts.scheduler.run,
          fitLinear: parts.scheduler.fitLinear,
        },
        {
          trunk: Array.from(subset, (at) => trunk.get(at)!),
          features: own,
          targets: selectTargets(targets, subset),
          weights: Float32Array.from(subset, (at) => rowWeights[at]),
          groups: rows.groups,
          headL2,
          names,
          from,
        },
        { settings: used, seed, signal, onEvent, ...rest },
      );
      const fitted = await fit.catch((error) => {
        // What it went on from may be the reason, and would be that of the next one.
        if (from && error instanceof AppError && error.code === 'training_diverged') return undefined;
        throw error;
      });
      if (!fitted) return made.lora({ settings, headL2, ...rest });
      return {
        labels,
        weight: fitted.weight,
        bias: fitted.bias,
        scale: fitted.scale,
        matrices: fitted.matrices,
        recipe: { ...fitted.recipe, l2: settings.startL2 },
        outOfFold: original(fitted.outOfFold, subset),
        headOutOfFold: original(fitted.headOutOfFold, subset),
        seconds: { embed: took, fit: seconds(startedAt) },
        resumedFrom: fitted.resumedFrom,
        settings: used,
        continued: from !== undefined,
        warmStart: encodeWarmStart(
          {
            changes: fitted.changes,
            folds: new Map(keys.map((row, i) => [row, fitted.folds.fold[i]])),
            since: from?.since ?? { rows: keys.length, added: 0, starts: 0 },
          },
          key,
        ),
      };
    },
  };
  return made;
}
