import { kindOfAnswer, type ModelRef, type PredictResponse, type Task } from '@scion/contracts';
import type { ApiDeps, LabelProbabilities } from '../../ports.js';
import { readEach } from './read-each.js';
import { toPredictions } from './to-predictions.js';

type Deps = Pick<ApiDeps, 'registry' | 'engine'> & { signal: AbortSignal };

/** What users without a live model, of one tenant, get by the task's policy: for each undefined where that is an error. */
export async function answerUntrained(
  refs: ModelRef[],
  task: Task,
  inputs: string[],
  deps: Deps,
): Promise<(PredictResponse | undefined)[]> {
  const [first] = refs;
  const { untrained } = task;
  if (first === undefined || untrained === 'error') return refs.map(() => undefined);
  const toResponse = (answer: LabelProbabilities | undefined): PredictResponse | undefined =>
    answer && {
      predictions: toPredictions(answer, task),
      source: untrained,
      version: null,
      adapterSha256: null,
      baseSha256: deps.engine.base.sha256,
    };
  if (untrained === 'majority')
    return readEach(refs, async (ref) => toResponse(await fromShares(ref, task, inputs, deps)), deps.signal);
  const same = toResponse(await fromNames(first, task, inputs, deps));
  return refs.map(() => same);
}

/** What the label names alone say, whoever asks. */
async function fromNames(
  { tenantId }: ModelRef,
  { kind, labels }: Task,
  inputs: string[],
  { engine, signal }: Deps,
): Promise<LabelProbabilities | undefined> {
  return labels === null || kind !== 'classification'
    ? undefined
    : engine.zeroShot(labels, inputs, { tenantId, signal });
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
