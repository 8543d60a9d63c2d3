import type { AppError, Card, ModelRef } from '@scion/contracts';
import type { LabelProbabilities, PredictionEngine } from '../ports.js';

/** A card as a worker would write it. */
export function testCard(task: string, version: number, jobId: string, labels: string[], atMs: number): Card {
  const metrics = { accuracy: 0.9, macroF1: 0.9, logLoss: 0.3, rows: 10 };
  return {
    ...{ task, version, jobId, method: 'head', labels, examples: 10 },
    gate: { promoted: true, reason: 'better', candidate: metrics, majority: metrics, live: null },
    createdAt: new Date(atMs).toISOString(),
    examplesPerLabel: Object.fromEntries(labels.map((label) => [label, 5])),
    baseSha256: 'b'.repeat(64),
    dataSha256: 'd'.repeat(64),
    recipe: { l2: 1, folds: 5, seed: 1, temperature: 1 },
    seconds: { embed: 0.1, fit: 0.1 },
  };
}

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
    rebind(adapter, { version, sha256 }, { owner, jobId }) {
      if (engine.failWith) throw engine.failWith;
      return { bytes: adapter, sha256, card: testCard(owner.task, version, jobId, labels, 0) };
    },
    zeroShot: async (names, texts) => answer(names, texts),
    async prefetch(adapters) {
      engine.prefetched.push(...adapters.map(({ user }) => user));
    },
    trunkCacheState: () => ({ bytes: 0, budgetBytes: 0, entries: 0, hits: 0, misses: 0 }),
    diskTierState: () => null,
    cacheState: () => ({
      ...{ bytes: 0, budgetBytes: 1024, entries: 0, hits: 0, misses: 0, loads: 0, evictions: 0 },
      ...{ refusals: 0, loadP50Ms: null, loadP99Ms: null },
      ...{ resident: [], coldest: [], tenants: [] },
    }),
  };
  return engine;
}
