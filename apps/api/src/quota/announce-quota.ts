import { type AppError, dayMs, timestamp } from '@scion/contracts';
import type { FastifyRequest } from 'fastify';
import type { ApiDeps } from '../ports.js';

const minuteMs = 60_000;

/**
 * Tells a tenant's webhooks when a problem says that one of its quotas is used up: once a minute for what is limited by
 * the minute, once a day for the rest. The answer to the request does not wait for it.
 */
export function announceQuota(
  problem: AppError,
  request: FastifyRequest,
  { webhooks, clock }: Pick<ApiDeps, 'webhooks' | 'clock'>,
): void {
  const { quota, limit } = problem.extensions;
  const tenantId = request.principal?.tenantId;
  if (typeof quota !== 'string' || typeof limit !== 'number' || !tenantId) return;
  const lengthMs = quota === 'predictRowsPerMinute' ? minuteMs : dayMs;
  const period = timestamp(() => clock() - (clock() % lengthMs));
  webhooks
    .announceQuota({ tenantId, quota, limit, period, at: timestamp(clock) })
    .catch((err) => request.log.warn({ err }, 'quota not announced'));
}
