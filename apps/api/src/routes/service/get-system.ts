import { SystemState, timestamp } from '@scion/contracts';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function getSystem(
  app: App,
  { engine, queue, clock, settings }: Pick<ApiDeps, 'engine' | 'queue' | 'clock' | 'settings'>,
): void {
  const startedAt = timestamp(clock);
  app.get(
    '/v1/system',
    {
      config: { problems: [] },
      schema: {
        operationId: 'getSystem',
        tags: ['system'],
        summary: 'State of this API process and of the queue',
        response: { 200: SystemState },
      },
    },
    async () => {
      const { training, workers } = await queue.counts();
      const { name, sha256, hiddenSize, layers, int8Trunk = null } = engine.base;
      return {
        version: settings.version,
        startedAt,
        base: {
          ...{ name, sha256, hiddenSize, layers, int8Trunk, provider: engine.provider },
          providerFallback: engine.providerFallback ?? null,
          selfCheck: engine.base.selfCheck ?? null,
        },
        threads: engine.threads,
        cache: engine.cacheState(),
        trunkCache: engine.trunkCacheState(),
        diskTier: engine.diskTierState(),
        queue: training,
        workers,
      };
    },
  );
}
