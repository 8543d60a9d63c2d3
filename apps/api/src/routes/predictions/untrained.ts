import { kindOfAnswer, type ModelRef, type PredictResponse, type Task } from '@scion/contracts';
import type { ApiDeps, LabelProbabilities } from '../../ports.js';
import { toPredictions } from './to-predictions.js';

type Deps = Pick<ApiDeps, 'registry' | 'engine'>;

/** What a user without a live model gets by the task's policy, undefined where that is an error. */
export async function answerUntrained(
  ref: ModelRef,
  task: Task,
  inputs: string[],
  deps: Deps,
): Promise<PredictResponse | undefined> {
  const { untrained } = task;
  const answer =
    untrained === 'zero-shot'
      ? await fromNames(ref, task, inputs, deps)
      : untrained === 'majority'
        ? await fromShares(ref, task, inputs, deps)
        : undefined;
  if (answer === undefined || untrained === 'error') return undefined;
  return {
    predictions: toPredictions(answer, task),
    source: untrained,
    version: null,
    adapterSha256: null,
    baseSha256: deps.engine.base.sha256,
  };
}

/** What the label names alone say. */
async function fromNames(
  { tenantId }: ModelRef,
  { kind, labels }: Task,
  inputs: string[],
  { engine }: Deps,
): Promise<LabelProbabilities | undefined> {
  return labels === null || kind !== 'classification'
    ? undefined
    : engine.zeroShot(labels, inputs, { tenantId });
}

/**
 * The middle of the user's own first examples, whatever the input: the shares of the labels, each counted once more than it
 * occurs; of several labels, how often each is there; of values, their mean.
 */
async function fromShares(
  ref: ModelRef,
  task: Task,
  inputs: string[],
  { registry }: Deps,
): Promise<LabelProbabilities | undefined> {
  const rows = await registry.examples.firstLabels(ref);
  const data = rows.filter((label) => kindOfAnswer(label) === task.kind);
  const answers = data.flat();
  if (task.kind === 'regression') {
    if (answers.length === 0) return undefined;
    const mean = answers.reduce<number>((sum, value) => sum + Number(value), 0) / answers.length;
    return { labels: [], probabilities: new Float32Array(inputs.length).fill(mean) };
  }
  const labels = [...new Set([...(task.labels ?? []), ...answers.map(String)])];
  if (labels.length === 0) return undefined;
  const counts = labels.map((label) => 1 + answers.filter((answer) => answer === label).length);
  const total = task.kind === 'multilabel' ? data.length + 2 : counts.reduce((sum, count) => sum + count, 0);
  const shares = counts.map((count) => count / total);
  return { labels, probabilities: Float32Array.from(inputs.flatMap(() => shares)) };
}
