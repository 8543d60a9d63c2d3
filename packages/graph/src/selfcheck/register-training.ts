import type { OpenSession } from '../autodiff/probe.js';
import type { Model } from '../ir.js';
import { buildTrainingGraph, type TrainingGraph, type TrainingOptions } from '../train/training-graph.js';
import { requirePassed, type SelfCheckReport, selfCheck } from './self-check.js';

/**
 * Derives a training graph and admits it only if finite differences on the model itself agree. `random` answers numbers in [0, 1).
 *
 * @throws GraphError no_gradient, bad_injection, self_check_failed
 */
export async function registerTraining(
  base: Model,
  options: TrainingOptions,
  { open, random }: { open: OpenSession; random: () => number },
): Promise<{ training: TrainingGraph; report: SelfCheckReport }> {
  const training = await buildTrainingGraph(base, options, open);
  const report = await selfCheck(training, { random }, open);
  requirePassed(report);
  return { training, report };
}
