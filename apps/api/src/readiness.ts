import { AppError } from '@scion/contracts';
import type { Engine } from '@scion/engine';
import type { ObjectStore } from '@scion/store';
import type { Redis } from 'ioredis';
import type { ApiDeps } from './ports.js';

/** Needs no object of that name: being told that there is none is an answer. */
const probeKey = 'health/probe';

/** Asks each part for something small that it can only answer when it works. */
export function createReadiness({
  redis,
  store,
  engine,
  isIndexed,
}: {
  redis: Pick<Redis, 'ping'>;
  store: Pick<ObjectStore, 'get'>;
  engine: Pick<Engine, 'embed' | 'provider' | 'providerFallback'>;
  isIndexed: ApiDeps['isIndexed'];
}): ApiDeps['readiness'] {
  return {
    redis: () => redis.ping(),
    // Not `head`: S3's answer to that has no body, so it cannot tell a bucket that is gone from an absent object.
    store: () => store.get(probeKey),
    async indexes() {
      if (!isIndexed()) throw new AppError('not_ready', 'What is stored is being indexed.');
    },
    async engine() {
      try {
        await engine.embed(['ready?']);
      } catch (error) {
        // Busy is not broken: taking this process out of service would only move its load to the others.
        if (!(error instanceof AppError && error.code === 'overloaded')) throw error;
      }
      // The reason holds paths and is in the log and in /v1/system; this route is public.
      if (engine.providerFallback === undefined) return {};
      return { note: `runs on ${engine.provider}, which is not the provider asked for` };
    },
  };
}
