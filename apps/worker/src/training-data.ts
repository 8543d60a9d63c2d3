import {
  type Answer,
  AppError,
  type Example,
  type ModelRef,
  missingExamples,
  requireKind,
  type Task,
} from '@scion/contracts';
import type { Examples, Tasks } from '@scion/registry';

/** What one job trains on, as it was when the job loaded it. */
export interface TrainingData {
  task: Task;
  examples: Example[];
  dataSha256: string;
  counts: Map<string, number>;
}

/**
 * Everything a user has labelled for a task. Throws too_few_examples or label_wrong_kind, which no retry can help: the API
 * checked when the job was made, yet the task or the examples may have changed since.
 */
export async function loadTrainingData(
  registry: { tasks: Pick<Tasks, 'get'>; examples: Pick<Examples, 'all'> },
  ref: ModelRef,
): Promise<TrainingData> {
  const task = await registry.tasks.get(ref.tenantId, ref.task);
  const { examples, dataSha256 } = await registry.examples.all(ref);
  const answers = examples.map(({ label }) => label);
  requireKind(task.kind, answers);
  refuseTooFew(task, answers);
  const counts = new Map<string, number>();
  for (const label of answers.flat())
    if (typeof label === 'string') counts.set(label, (counts.get(label) ?? 0) + 1);
  return { task, examples, dataSha256, counts };
}

function refuseTooFew(task: Task, answers: Answer[]): void {
  const lacking = missingExamples(task, answers);
  if (!lacking) return;
  const perLabel = Object.values(lacking.missing);
  const sum = perLabel.reduce((total, count) => total + count, 0);
  const parts = [
    ...(sum > 0 ? [`${sum} more examples, spread over ${perLabel.length} labels that have too few`] : []),
    ...(lacking.missingLabels > 0 ? [`examples of ${lacking.missingLabels} more labels`] : []),
    ...(lacking.missingExamples > 0 ? [`${lacking.missingExamples} more examples`] : []),
  ];
  throw new AppError('too_few_examples', `Training needs ${parts.join(', and ')}.`, {
    extensions: { ...lacking },
  });
}
