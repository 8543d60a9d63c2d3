import { AppError } from '@scion/contracts';
import type { FastifyReply } from 'fastify';
import type { QuotaState } from '../../quota/predict-quota.js';

/** Headers per draft-ietf-httpapi-ratelimit-headers-10. Throws quota_predict_rows where the rows were not granted. */
export function requireQuota(
  reply: FastifyReply,
  { granted, limit, remaining, resetSeconds }: QuotaState,
): void {
  reply.header('ratelimit-policy', `"predict-rows";q=${limit};w=60`);
  reply.header('ratelimit', `"predict-rows";r=${remaining};t=${resetSeconds}`);
  if (granted) return;
  throw new AppError(
    'quota_predict_rows',
    `The tenant may predict ${limit} rows in 60 seconds; ${remaining} are left.`,
    { retryAfterSeconds: resetSeconds, extensions: { quota: 'predictRowsPerMinute', limit } },
  );
}
