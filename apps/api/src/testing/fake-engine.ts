import type { AppError, ModelRef } from '@scion/contracts';
import type { LabelProbabilities, PredictionEngine } from '../ports.js';

export interface FakeEngine extends PredictionEngine {
  /** The next answers fail with this; undefined: they succeed. */
  failWith: AppError | undefined;
  /** Users whose models were hinted at. */
  prefetched: string[];
  /** What `predict` was asked, in order. */
  asked: (ModelRef & { version: number; adapterSha256: string; texts: string[] })[];
}

/**
 * A stand-in for tests of what a route does with an answer; the real engine is in the end-to-end test. It gives each
 * row 0.8 for the first label and shares the rest evenly.
 */
export function createFakeEngine(labels: string[] = ['like', 'hide']): FakeEngine {
  const answer = (names: string[], texts: string[]): LabelProbabilities => {
    if (engine.failWith) throw engine.failWith;
    const row = names.map((_, index) => (index === 0 ? 0.8 : 0.2 / (names.length - 1)));
    return { labels: names, probabilities: Float32Array.from(texts.flatMap(() => row)) };
  };
  const engine: FakeEngine = {
    base: { name: 'test-base', sha256: 'b'.repeat(64), hiddenSize: 384, layers: 6 },
    provider: 'cpu',
    providerFallback: undefined,
    threads: 1,
    failWith: undefined,
    asked: [],
    prefetched: [],
    async predict(adapter, texts) {
      engine.asked.push({ ...adapter, texts });
      return answer(labels, texts);
    },
    predictEach: (adapters, texts) =>
      Promise.allSettled(adapters.map((adapter) => engine.predict(adapter, texts))),
    zeroShot: async (names, texts) => answer(names, texts),
    async prefetch(adapters) {
      engine.prefetched.push(...adapters.map(({ user }) => user));
    },
    trunkCacheState: () => ({ bytes: 0, budgetBytes: 0, entries: 0, hits: 0, misses: 0 }),
    diskTierState: () => null,
    cacheState: () => ({
      ...{ bytes: 0, budgetBytes: 1024, entries: 0, hits: 0, misses: 0, loads: 0, evictions: 0 },
      ...{ refusals: 0, loadP50Ms: null, loadP99Ms: null },
      resident: [],
    }),
  };
  return engine;
}
