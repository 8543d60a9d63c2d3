import { AppError, type ExampleInput, limits, type ModelRef, type Task } from '@scion/contracts';
import type { QuotaLevel } from '@scion/registry';
import type { ApiSettings, Records } from '../../ports.js';

/** Examples that one user may keep for the task: as tenant, service and task allow. */
export async function roomOf(
  tenantId: string,
  task: Task,
  { registry, settings }: { registry: Pick<Records, 'tenants'>; settings: ApiSettings },
): Promise<number> {
  const { quotas } = await registry.tenants.get(tenantId);
  return Math.min(
    quotas?.examplesPerModel ?? settings.examplesPerModel,
    task.maxExamplesPerUser ?? limits.examplesPerModel,
  );
}

/** The model has `known` examples, and may have `quota`. */
export function noRoom(detail: string, quota: number, known: number): AppError {
  return new AppError('quota_examples', detail, {
    extensions: { quota: 'examplesPerModel', limit: quota, remaining: Math.max(0, quota - known) },
  });
}

/**
 * Throws quota_examples when the examples whose ids are new would not fit the model's quota or the tenant's. Only close
 * to a quota does it read which ids there are. Two requests at once may together go beyond it by one request's rows.
 */
export async function requireRoom(
  ref: ModelRef,
  examples: ExampleInput[],
  registry: Pick<Records, 'examples' | 'usage'>,
  quota: number,
): Promise<QuotaLevel[]> {
  let compared: Promise<{ known: number; added: number }> | undefined;
  const compare = () => {
    compared ??= registry.examples.all(ref).then((stored) => {
      const known = new Set(stored.examples.map(({ id }) => id));
      // A row without an id gets one of its own.
      const unnamed = examples.filter(({ id }) => id === undefined).length;
      const named = new Set(examples.flatMap(({ id }) => (id === undefined || known.has(id) ? [] : [id])));
      return { known: known.size, added: unnamed + named.size };
    });
    return compared;
  };
  if ((await registry.examples.count(ref)) + examples.length > quota) {
    const { known, added } = await compare();
    if (added > 0 && known + added > quota) {
      const detail = `A user keeps at most ${quota} examples for a task, and has ${known} of them.`;
      throw noRoom(detail, quota, known);
    }
  }
  return registry.usage.admitExamples(ref.tenantId, examples.length, async () => (await compare()).added);
}
