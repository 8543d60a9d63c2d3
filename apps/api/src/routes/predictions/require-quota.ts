import { AppError } from '@scion/contracts';
import type { FastifyReply } from 'fastify';
import type { QuotaState } from '../../quota/predict-quota.js';
import { tellQuotas } from '../../quota/tell-quotas.js';

/** Throws quota_predict_rows where the rows were not granted. */
export function requireQuota(
  reply: FastifyReply,
  { granted, limit, remaining, resetSeconds }: QuotaState,
): void {
  const quota = 'predictRowsPerMinute';
  if (granted) {
    tellQuotas(reply, [{ quota, limit, remaining, resetSeconds }]);
    return;
  }
  throw new AppError(
    'quota_predict_rows',
    `The tenant may predict ${limit} rows in 60 seconds; ${remaining} are left.`,
    { retryAfterSeconds: resetSeconds, extensions: { quota, limit, remaining } },
  );
}
