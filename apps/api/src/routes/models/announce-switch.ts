import type { ModelRef } from '@scion/contracts';
import type { AliasSwitch } from '@scion/registry';
import type { ApiDeps } from '../../ports.js';

/** Within this long of a switch the same request may repeat one whose process died before it was announced. */
const repeatedWithinMs = 600_000;

/** Tells webhooks of a switch that a person made. One that changed nothing is an earlier one, told then. */
export async function announceSwitch(
  { webhooks, clock }: Pick<ApiDeps, 'webhooks' | 'clock'>,
  { tenantId, task, user }: ModelRef,
  { version, at, by, reason, seq }: AliasSwitch,
): Promise<void> {
  if (reason === 'gate' || clock() - Date.parse(at) > repeatedWithinMs) return;
  const type = reason === 'rollback' ? 'model.rolled_back' : 'model.promoted';
  await webhooks.announceSwitch(type, { tenantId, task, user, version, by, at, seq });
}
