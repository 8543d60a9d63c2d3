import { AppError } from '@scion/contracts';
import { listAll } from '@scion/store';
import { objectKeys, type Rebind } from './index.js';
import { publish, rows, testFaults } from './testing/faults.js';
import { findTraces } from './testing/find-traces.js';
import { encodedVersion, testBase } from './testing/world.js';

/** How many objects each receipt of an erasure listed. */
let receipts: number[] = [];
let archive: Uint8Array = new Uint8Array();

testFaults({
  'erase a user': {
    async prepare(registry, ref) {
      await registry.tasks.put(ref.tenantId, 'news', {}, { base: 'minilm' });
      for (const one of [ref, { ...ref, task: 'news' }]) {
        await registry.examples.append(one, rows);
        const { job } = await registry.jobs.create(one);
        await publish(registry, one, job.id);
        await registry.models.promote(one, 1, job.id);
      }
      receipts = [];
    },
    async run(registry, { tenantId, user }) {
      try {
        const { receipt } = await registry.users.erase({ tenantId, user, by: 'key_1' }, async () => {});
        receipts.push(receipt.objects.length);
      } catch (error) {
        // Only when the one before had ended: then there is nothing to find.
        if (!(error instanceof AppError) || error.code !== 'user_not_found') throw error;
      }
    },
    async after(registry, ref, t, { store, redis }) {
      const escaped = objectKeys.userPrefix('', ref.user).split('/').at(-2) ?? '';
      t.same(await findTraces(store, redis, ['"Ada"', escaped]), [], 'no trace of the user');
      t.ok(receipts.length === 0 || receipts.at(-1) === 10, 'a receipt lists what both tries removed');
      t.same((await registry.jobs.list(ref.tenantId)).data, []);
    },
  },
  'import a user': {
    async prepare(registry, ref) {
      await registry.examples.append(ref, rows);
      const { job } = await registry.jobs.create(ref);
      await publish(registry, ref, job.id);
      await registry.models.promote(ref, 1, job.id);
      await registry.jobs.finish({ ...ref, jobId: job.id }, { state: 'succeeded', version: 1, events: [] });
      const parts: Uint8Array[] = [];
      for await (const part of await registry.users.export(ref.tenantId, ref.user, testBase))
        parts.push(part);
      archive = Buffer.concat(parts);
    },
    async run(registry, { tenantId }) {
      const same: Rebind = (bytes, { version, sha256 }, { owner, jobId }) => ({
        ...{ bytes, sha256, card: encodedVersion(owner, jobId, version).card },
      });
      await registry.users.import(tenantId, archive, same, 'Bob').catch((error: unknown) => {
        // The one before had stored all of it.
        if (!(error instanceof AppError) || error.code !== 'user_exists') throw error;
      });
    },
    async after(registry, ref, t, { store }) {
      const bob = { ...ref, user: 'Bob' };
      t.match(await registry.models.get(bob), { examples: 2, versions: 1, live: { version: 1 } });
      t.equal((await registry.jobs.list(ref.tenantId, { task: ref.task, user: 'Bob' })).data.length, 1);
      const { objects } = await store.list(objectKeys.userPrefix(ref.tenantId, 'Bob'));
      t.equal(objects.length, 6, 'a segment, adapter and card, one switch, a record and its events');
      t.match(await registry.models.get(ref), { examples: 2, versions: 1 }, 'and nothing else changed');
    },
  },
  'put a task': {
    run: (registry, ref) =>
      registry.tasks.put(ref.tenantId, 'news', { abstainBelow: 0.5 }, { base: 'minilm' }),
    async after(registry, ref, t) {
      t.match(await registry.tasks.get(ref.tenantId, 'news'), { abstainBelow: 0.5 });
    },
  },
  'keep an event about a user': {
    prepare: async (registry, ref) => void (await registry.examples.append(ref, rows)),
    run: (registry, ref) =>
      registry.events.put({
        ...{
          id: `evt_${ref.tenantId.slice(4)}`,
          tenantId: ref.tenantId,
          type: 'model.promoted',
          timestamp: '',
        },
        data: { ...ref, version: 1, by: 'key_1', gate: null },
      }),
    async after(registry, ref, t) {
      const { data } = await registry.events.list(ref.tenantId);
      t.match(data, [{ type: 'model.promoted', data: { user: 'Ada' } }]);
      t.equal(data.length, 1);
    },
  },
  'rotate a secret and disable a webhook': {
    async prepare(registry, ref) {
      await registry.webhooks.create(ref.tenantId, { url: 'https://example.com' });
    },
    async run(registry, ref) {
      const [webhook] = (await registry.webhooks.list(ref.tenantId)).data;
      await registry.webhooks.rotateSecret(ref.tenantId, webhook?.id ?? '', 60_000);
      await registry.webhooks.disable(ref.tenantId, webhook?.id ?? '', 'why');
    },
    async between(registry, ref, t) {
      const [webhook] = (await registry.webhooks.list(ref.tenantId)).data;
      const { secrets } = await registry.webhooks.getToSend(ref.tenantId, webhook?.id ?? '');
      t.match(secrets[0], /^whsec_/, 'it is whole');
    },
    async after(registry, ref, t) {
      t.match((await registry.webhooks.list(ref.tenantId)).data, [{ state: 'disabled' }]);
    },
  },
  'rotate a key': {
    async prepare(registry, ref) {
      await registry.keys.create(ref.tenantId, { name: 'backend', scopes: ['train'] });
    },
    async run(registry, ref) {
      const old = (await registry.keys.list(ref.tenantId)).data.find(({ name }) => name === 'backend');
      await registry.keys
        .rotate(ref.tenantId, old?.id ?? '', { overlapSeconds: 60 })
        .catch((error: unknown) => {
          if (!(error instanceof AppError) || error.code !== 'key_replaced') throw error;
        });
    },
    async after(registry, ref, t) {
      const { data } = await registry.keys.list(ref.tenantId);
      const replaced = data.filter(({ replacedBy }) => replacedBy !== undefined);
      t.ok(replaced.length > 0, 'the old key has an end and a successor');
      for (const key of replaced) {
        t.ok(key.expiresAt);
        t.ok(data.some(({ id }) => id === key.replacedBy));
      }
      t.ok(data.length <= 3, 'at most one more was made, whose secret nobody knows');
    },
    // That one is listed after the next rebuild, if it died before its index.
    indexMayDiffer: true,
  },
  'log a call for audit': {
    run: (registry, ref) =>
      registry.audit.append({
        ...{ tenantId: ref.tenantId, by: 'key_1', byName: 'backend', action: 'deleteTask' },
        ...{ status: 204, requestId: 'req_1', target: { task: ref.task } },
      }),
    async after(registry, ref, t) {
      const { data } = await registry.audit.list(ref.tenantId);
      t.ok(
        data.length === 1 || data.length === 2,
        `${data.length} entries: the second try is one of its own`,
      );
      t.ok(data.every(({ action, by }) => action === 'deleteTask' && by === 'key_1'));
    },
    // The entry of the first try is listed after the next rebuild.
    indexMayDiffer: true,
  },
  'keep what was used on a day': {
    async prepare(registry, ref) {
      await registry.examples.append(ref, rows);
      const counts = { predictRows: 2, trainingSeconds: 1, cacheByteHours: 3 };
      await registry.usage.keep(ref.tenantId, '2026-01-02', 'before', counts);
    },
    async run(registry, ref) {
      const counts = { predictRows: 5, trainingSeconds: 2.5, cacheByteHours: 7 };
      await registry.usage.keep(ref.tenantId, '2026-01-02', 'now', counts);
      await registry.usage.measure(ref.tenantId);
    },
    async after(registry, ref, t, { store }) {
      const range = { from: '2026-01-02', to: '2026-01-02' };
      t.match(await registry.usage.days(ref.tenantId, range, []), [
        { predictRows: 7, trainingSeconds: 3.5, cacheByteHours: 10 },
      ]);
      let bytes = 0;
      for await (const one of listAll(store, objectKeys.usersPrefix(ref.tenantId))) bytes += one.bytes;
      t.equal((await registry.usage.levels(ref.tenantId)).storageBytes, bytes);
    },
  },
  'delete a webhook': {
    async prepare(registry, ref) {
      const { id } = await registry.webhooks.create(ref.tenantId, { url: 'https://example.com' });
      await registry.webhooks.appendDelivery(ref.tenantId, id, {
        ...{ id: 'dlv_1', eventId: 'evt_1', type: 'job.failed', attempt: 1, at: '', ok: true, status: 200 },
        ...{ latencyMs: 1, error: null },
      });
    },
    async run(registry, ref) {
      for (const { id } of (await registry.webhooks.list(ref.tenantId)).data) {
        await registry.webhooks.delete(ref.tenantId, id);
      }
    },
    indexMayDiffer: true,
    async after(registry, ref, t) {
      t.same(await registry.webhooks.list(ref.tenantId), { data: [], nextCursor: null });
    },
  },
});
