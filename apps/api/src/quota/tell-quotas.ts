import type { AppError, Quotas } from '@scion/contracts';
import type { QuotaLevel } from '@scion/registry';
import type { FastifyReply } from 'fastify';

/** By quota: its name in the headers, and its window in seconds where time gives it back. */
const policies: Record<keyof Quotas, { name: string; windowSeconds?: number }> = {
  users: { name: 'users' },
  examples: { name: 'examples' },
  examplesPerModel: { name: 'examples-per-model' },
  storageBytes: { name: 'storage-bytes' },
  jobsPerDay: { name: 'jobs-per-day', windowSeconds: 86_400 },
  openJobs: { name: 'open-jobs' },
  predictRowsPerMinute: { name: 'predict-rows', windowSeconds: 60 },
};

/** `RateLimit-Policy` and `RateLimit` per draft-ietf-httpapi-ratelimit-headers-10, one item a quota. */
export function tellQuotas(reply: FastifyReply, levels: QuotaLevel[]): void {
  if (levels.length === 0) return;
  reply.header(
    'ratelimit-policy',
    levels
      .map(({ quota, limit }) => {
        const { name, windowSeconds } = policies[quota];
        return `"${name}";q=${limit}${windowSeconds === undefined ? '' : `;w=${windowSeconds}`}`;
      })
      .join(', '),
  );
  reply.header(
    'ratelimit',
    levels
      .map(({ quota, remaining, resetSeconds }) => {
        const reset = resetSeconds === undefined ? '' : `;t=${Math.ceil(resetSeconds)}`;
        return `"${policies[quota].name}";r=${remaining}${reset}`;
      })
      .join(', '),
  );
}

/** The same for a call that a quota refused. */
export function tellRefusal(reply: FastifyReply, { extensions, retryAfterSeconds }: AppError): void {
  const { quota, limit, remaining } = extensions;
  if (typeof quota !== 'string' || !(quota in policies)) return;
  if (typeof limit !== 'number' || typeof remaining !== 'number') return;
  tellQuotas(reply, [
    {
      quota: quota as keyof Quotas,
      limit,
      remaining,
      ...(retryAfterSeconds && { resetSeconds: retryAfterSeconds }),
    },
  ]);
}
