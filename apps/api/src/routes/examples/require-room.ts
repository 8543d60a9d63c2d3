import { AppError, type ExampleInput, type ModelRef } from '@scion/contracts';
import type { Records } from '../../ports.js';

/**
 * Throws quota_examples when the examples whose ids are new would not fit. Only close to the quota does it read which
 * ids there are. Two requests at once may together go beyond it by one request's rows.
 */
export async function requireRoom(
  ref: ModelRef,
  examples: ExampleInput[],
  registry: Pick<Records, 'examples'>,
  quota: number,
): Promise<void> {
  const count = await registry.examples.count(ref);
  if (count + examples.length <= quota) return;
  const known = new Set((await registry.examples.all(ref)).examples.map(({ id }) => id));
  const added = new Set(examples.map(({ id }, index) => id ?? index).filter((id) => !known.has(String(id))));
  if (added.size === 0 || known.size + added.size <= quota) return;
  throw new AppError(
    'quota_examples',
    `A user keeps at most ${quota} examples for a task, and has ${known.size} of them.`,
    { extensions: { quota: 'examplesPerModel', limit: quota } },
  );
}
