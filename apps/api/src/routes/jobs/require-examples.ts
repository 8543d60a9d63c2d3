import { AppError, type ModelRef, missingExamples } from '@scion/contracts';
import type { Records } from '../../ports.js';

/** Throws too_few_examples before a job is made that could only fail. */
export async function requireExamples(
  ref: ModelRef,
  registry: Pick<Records, 'tasks' | 'examples'>,
): Promise<void> {
  const task = await registry.tasks.get(ref.tenantId, ref.task);
  const { examples } = await registry.examples.all(ref);
  const counts = new Map<string, number>();
  for (const { label } of examples) counts.set(label, (counts.get(label) ?? 0) + 1);
  const lacking = missingExamples(task, counts);
  if (!lacking) return;
  const { missing, missingLabels } = lacking;
  const wants = [];
  const short = Object.keys(missing).length;
  if (short > 0) wants.push(`${short} of the labels need more examples, see missing`);
  if (missingLabels > 0) wants.push(`${missingLabels} more labels are needed, two at the least`);
  throw new AppError(
    'too_few_examples',
    `Each label needs ${task.minExamplesPerLabel} examples: ${wants.join('; ')}.`,
    { extensions: { missing, missingLabels } },
  );
}
