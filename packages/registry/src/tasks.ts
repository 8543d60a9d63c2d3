import { AppError, defaultRetention, type Task, timestamp } from '@scion/contracts';
import { indexNames } from './indexes.js';
import { encodeJson, readJson } from './json-object.js';
import { objectKeys } from './keys.js';
import { mapLimit } from './map-limit.js';
import { isId, type RegistryParts } from './parts.js';
import type { Tasks } from './registry.js';

export const taskName = /^[a-z0-9][a-z0-9-]{0,62}$/;
const fixed = ['kind', 'modality'] as const;

export function createTasks(parts: RegistryParts): Tasks {
  const { store, indexes, clock } = parts;
  const cache = parts.cache<Task | undefined>('task', 1_000);
  const valid = (tenantId: string, name: string) => isId('tenant', tenantId) && taskName.test(name);
  const read = (tenantId: string, name: string) => readJson<Task>(store, objectKeys.task(tenantId, name));
  const missing = () => new AppError('task_not_found', 'No task has this name; create it with PUT first.');

  return {
    async put(tenantId, name, spec, { base }) {
      if (!valid(tenantId, name)) throw missing();
      return parts.locks.hold(`task:${tenantId}:${name}`, async () => {
        const before = await read(tenantId, name);
        const now = timestamp(clock);
        const task: Task = {
          name,
          kind: spec.kind ?? 'classification',
          modality: spec.modality ?? 'text',
          base,
          labels: spec.labels ?? null,
          minExamplesPerLabel: spec.minExamplesPerLabel ?? 2,
          untrained: spec.untrained ?? 'error',
          abstainBelow: spec.abstainBelow ?? 0,
          ...(spec.retrain && { retrain: spec.retrain }),
          ...(spec.maxExamplesPerUser !== undefined && { maxExamplesPerUser: spec.maxExamplesPerUser }),
          ...(spec.training && { training: spec.training }),
          retention: spec.retention ?? { ...defaultRetention },
          createdAt: before?.createdAt ?? now,
          updatedAt: now,
        };
        const changed = before && fixed.find((field) => before[field] !== task[field]);
        if (changed) {
          throw new AppError(
            'task_changed',
            `\`${changed}\` of a task cannot change, since its users’ models depend on it; make another task.`,
          );
        }
        await store.put(objectKeys.task(tenantId, name), encodeJson(task));
        await parts.announce('task', `${tenantId}/${name}`);
        await indexes.add(indexNames.tasks(tenantId), name);
        return { task, created: before === undefined };
      });
    },
    async get(tenantId, name) {
      const task = valid(tenantId, name)
        ? await cache.get(`${tenantId}/${name}`, () => read(tenantId, name))
        : undefined;
      if (!task) throw missing();
      return task;
    },
    async list(tenantId, page) {
      const { members, nextCursor } = await indexes.page(indexNames.tasks(tenantId), page);
      const tasks = await mapLimit(members, (name) => read(tenantId, name));
      return { data: tasks.filter((task) => task !== undefined), nextCursor };
    },
    async delete(tenantId, name) {
      if (!valid(tenantId, name)) throw missing();
      await parts.locks.hold(`task:${tenantId}:${name}`, async () => {
        if (!(await read(tenantId, name))) throw missing();
        await store.delete(objectKeys.task(tenantId, name));
        await parts.announce('task', `${tenantId}/${name}`);
        await indexes.remove(indexNames.tasks(tenantId), name);
      });
    },
  };
}
