import type { RowOptions, Scheduler } from './schedule/scheduler.js';

/** The bare base's features of texts, rows × featureSize. */
export async function featuresOf(
  scheduler: Pick<Scheduler, 'run'>,
  texts: string[],
  options: RowOptions,
): Promise<Float32Array> {
  const answers = await scheduler.run(
    texts.map((input) => ({ input, answer: 'features' })),
    options,
  );
  const size = answers[0]?.values.length ?? 0;
  const out = new Float32Array(texts.length * size);
  for (const [row, { values }] of answers.entries()) out.set(values, row * size);
  return out;
}
