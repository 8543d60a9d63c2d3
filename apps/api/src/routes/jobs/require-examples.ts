import { AppError, type ModelRef, missingExamples, requireKind } from '@scion/contracts';
import type { Records } from '../../ports.js';

/** Throws too_few_examples or label_wrong_kind before a job is made that could only fail. */
export async function requireExamples(
  ref: ModelRef,
  registry: Pick<Records, 'tasks' | 'examples'>,
): Promise<void> {
  const task = await registry.tasks.get(ref.tenantId, ref.task);
  const { examples } = await registry.examples.all(ref);
  const answers = examples.map(({ label }) => label);
  requireKind(task.kind, answers);
  const lacking = missingExamples(task, answers);
  if (!lacking) return;
  const { missing, missingLabels, missingExamples: more } = lacking;
  const wants = [];
  const short = Object.keys(missing).length;
  if (short > 0) wants.push(`${short} of the labels need more examples, see missing`);
  if (missingLabels > 0) wants.push(`${missingLabels} more labels are needed, two at the least`);
  if (more > 0) wants.push(`${more} more examples are needed`);
  const rule =
    task.kind === 'classification'
      ? `Each label needs ${task.minExamplesPerLabel} examples`
      : `Training needs ${2 * task.minExamplesPerLabel} examples`;
  throw new AppError('too_few_examples', `${rule}: ${wants.join('; ')}.`, {
    extensions: { missing, missingLabels, missingExamples: more },
  });
}
