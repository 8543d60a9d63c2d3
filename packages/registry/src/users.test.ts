import { createPublicKey, verify } from 'node:crypto';
import type { ModelRef } from '@scion/contracts';
import { Redis } from 'ioredis';
import t from 'tap';
import { objectKeys } from './index.js';
import { modelName } from './indexes.js';
import { sha256Hex } from './secrets.js';
import { findTraces } from './testing/find-traces.js';
import { createWorld, encodedVersion, plant } from './testing/world.js';

const world = await createWorld();
t.teardown(world.close);
const erased: (ModelRef | undefined)[] = [];
const registry = await world.registry();
const other = await world.registry({ onErased: (ref) => erased.push(ref) });
await registry.ensureIndexed();
const user = 'Ada Quince@example.com';
const traces = ['Ada Quince', 'da!20!51uince', 'secret pear', 'private label'];
const by = 'key_1';
const forgetNothing = async (): Promise<void> => {};

async function fill(ref: ModelRef): Promise<string> {
  await registry.examples.append(ref, [
    { id: 'Ada Quince 1', input: 'secret pear', label: 'private label' },
    { input: 'secret pear two', label: 'private label' },
  ]);
  const { job } = await registry.jobs.create(ref);
  const version = await registry.models.publish(ref, job.id, (n) => {
    const encoded = encodedVersion(ref, job.id, n);
    return { ...encoded, card: { ...encoded.card, labels: ['private label'] } };
  });
  await registry.models.promote(ref, version.version, job.id);
  await registry.jobs.update({ ...ref, jobId: job.id }, { state: 'running' });
  return job.id;
}

t.test('an erased user is unknown everywhere, and everybody else is untouched', async (t) => {
  const a = { ...(await plant(registry)), user };
  const b = { ...a, task: 'news' };
  await registry.tasks.put(a.tenantId, 'news', {}, { base: 'minilm' });
  // One name is the start of the other.
  const neighbour = { ...a, user: 'Ada' };
  const [jobA, jobB] = [await fill(a), await fill(b)];
  await registry.examples.append(neighbour, [{ id: 'x', input: 'kept', label: 'like' }]);
  t.ok(await other.models.live(a));
  t.not((await findTraces(world.store, world.redis, traces)).length, 0, 'the search finds what is there');

  const forgotten: string[] = [];
  const { receipt, jws } = await registry.users.erase(
    { tenantId: a.tenantId, user, by },
    async (_ref, jobIds) => {
      forgotten.push(...jobIds);
    },
  );
  t.same(await findTraces(world.store, world.redis, traces), []);
  t.same(forgotten.sort(), [jobA, jobB].sort());
  t.match(receipt, { user, tasks: ['inbox-triage', 'news'], by });

  for (const one of [registry, other]) {
    await t.rejects(one.models.get(a), { code: 'user_not_found' });
    await t.rejects(one.jobs.get(a.tenantId, jobA), { code: 'job_not_found' });
    t.match((await one.models.list(a.tenantId)).data, [neighbour]);
    t.equal((await one.models.list(a.tenantId)).data.length, 1);
    t.same((await one.jobs.list(a.tenantId)).data, []);
  }
  while (erased.length < 2) await new Promise(setImmediate);
  t.same(erased.map((ref) => ref?.task).sort(), ['inbox-triage', 'news'], 'other processes were told');
  t.equal(await other.models.live(a), undefined);
  t.equal(await registry.examples.count(neighbour), 1);
  await registry.rebuild();
  t.same(await findTraces(world.store, world.redis, traces), [], 'nor does a rebuild find anything');
  await t.rejects(registry.users.erase({ tenantId: a.tenantId, user, by }, forgetNothing), {
    code: 'user_not_found',
  });

  t.test('the receipt lists every object with its hash, and the signature holds', async (t) => {
    const adapter = receipt.objects.find(({ key }) => key === objectKeys.adapter(a, 1));
    t.equal(adapter?.sha256, sha256Hex(encodedVersion(a, jobA, 1).adapter));
    // Of each task: a segment, adapter and card, one alias entry, one job record.
    t.equal(receipt.objects.length, 10);
    const [header = '', payload = '', signature = ''] = jws.split('.');
    const { x, kid, ...jwk } = await other.users.signingKey();
    const key = createPublicKey({ format: 'jwk', key: { ...jwk, x } });
    const holds = (text: string) => verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'));
    t.ok(holds(`${header}.${payload}`));
    t.notOk(holds(`${header}.${Buffer.from('{}').toString('base64url')}`));
    t.same(JSON.parse(Buffer.from(header, 'base64url').toString()), { alg: 'EdDSA', kid });
    t.same(JSON.parse(Buffer.from(payload, 'base64url').toString()), receipt);
  });
});

t.test('an answer that was lost leaves a signed proof, which names nobody', async (t) => {
  const ref = { ...(await plant(registry)), user };
  await fill(ref);
  const told: string[] = [];
  const { receipt, jws } = await registry.users.erase({ ...ref, by }, forgetNothing, async ({ id }) => {
    told.push(id);
  });
  t.same(told, [receipt.id]);
  const [listed] = (await other.users.erasures(ref.tenantId)).data;
  const { proof, jws: signed } = await other.users.erasure(ref.tenantId, receipt.id);
  t.same(listed, proof);
  const { user: _, objects, ...rest } = receipt;
  t.match(proof, { ...rest, objects: objects.length, jwsSha256: sha256Hex(jws) });
  t.same(
    proof.objectsSha256,
    objects.map(({ sha256 }) => sha256),
  );
  t.match(JSON.parse(Buffer.from(signed.split('.')[1] ?? '', 'base64url').toString()), proof);
  t.same(await findTraces(world.store, world.redis, traces), []);
  const stranger = await plant(registry);
  await t.rejects(registry.users.erasure(stranger.tenantId, receipt.id), { code: 'erasure_not_found' });
});

t.test('a job that still runs when its user is erased can record and publish nothing', async (t) => {
  const ref = { ...(await plant(registry)), user };
  await registry.examples.append(ref, [{ id: 'x', input: 'secret pear', label: 'private label' }]);
  const { job } = await registry.jobs.create(ref);
  await other.jobs.update({ ...ref, jobId: job.id }, { state: 'running' });
  await registry.users.erase({ ...ref, by }, forgetNothing);
  const missing = { code: 'job_not_found' };
  const encode = (version: number) => encodedVersion(ref, job.id, version);
  await t.rejects(other.models.publish(ref, job.id, encode), missing);
  await t.rejects(other.jobs.update({ ...ref, jobId: job.id }, { progress: 1 }), missing);
  await t.rejects(other.jobs.finish({ ...ref, jobId: job.id }, { state: 'succeeded', events: [] }), missing);
  t.same(await findTraces(world.store, world.redis, traces), []);

  t.test('not even when the user comes back', async (t) => {
    await registry.examples.append(ref, [{ id: 'x', input: 'new', label: 'like' }]);
    await t.rejects(other.models.publish(ref, job.id, encode), missing);
    t.match(await registry.models.get(ref), { examples: 1, versions: 0, live: null });
    await registry.users.erase({ ...ref, by }, forgetNothing);
  });
});

t.test(
  'a publisher that froze past its lock while the user was erased takes back what it wrote',
  async (t) => {
    const ref = { ...(await plant(registry)), user };
    const { job } = await registry.jobs.create(ref);
    const publishing = registry.models.publish(ref, job.id, async (version) => {
      // Its lock runs out while it encodes.
      await world.redis.del(`{scion}:lock:model:${modelName(ref)}`);
      await other.users.erase({ ...ref, by }, forgetNothing);
      return encodedVersion(ref, job.id, version);
    });
    await t.rejects(publishing, { code: 'job_not_found' });
    const prefix = objectKeys.userPrefix(ref.tenantId, user);
    t.same((await world.store.list(prefix)).objects, []);
  },
);

t.test('whoever froze past a lock while the user was erased takes back what it wrote', async (t) => {
  const ref = { ...(await plant(registry)), user };
  const prefix = objectKeys.userPrefix(ref.tenantId, user);
  const { put, create } = world.store;
  t.teardown(() => Object.assign(world.store, { put, create }));
  /** Between the last look at its lock and its write, the lock runs out and the user is erased. */
  function freezeAt(part: string, lock: string): void {
    const frozen =
      (write: typeof put | typeof create) =>
      async (key: string, body: Uint8Array): Promise<never> => {
        if (key.startsWith(prefix) && key.includes(part)) {
          Object.assign(world.store, { put, create });
          await world.redis.del(`{scion}:lock:${lock}:${modelName(ref)}`);
          await other.users.erase({ ...ref, by }, forgetNothing);
        }
        return (await write(key, body)) as never;
      };
    Object.assign(world.store, { put: frozen(put), create: frozen(create) });
  }
  const nothingLeft = async (what: string) => {
    t.same((await world.store.list(prefix)).objects, [], what);
    t.same(await findTraces(world.store, world.redis, ['Ada Quince', 'da!20!51uince']), [], what);
  };
  const busy = { code: 'overloaded' };

  await fill(ref);
  freezeAt('/examples/', 'examples');
  await t.rejects(registry.examples.append(ref, [{ input: 'late', label: 'like' }]), busy);
  await nothingLeft('a segment');

  await fill(ref);
  freezeAt('/jobs/', 'jobs');
  const [open] = (await registry.jobs.list(ref.tenantId)).data;
  const running = { ...ref, jobId: open?.id ?? '' };
  await t.rejects(registry.jobs.update(running, { progress: 0.5 }), busy);
  await nothingLeft('a record');

  const jobId = await fill(ref);
  await registry.models.publish(ref, `job_${'2'.repeat(26)}`, (n) =>
    encodedVersion(ref, `job_${'2'.repeat(26)}`, n),
  );
  t.ok(jobId);
  freezeAt('/live/', 'model');
  await t.rejects(registry.models.promoteTo(ref, 2, by), busy);
  await nothingLeft('a switch');

  await fill(ref);
  freezeAt('/events/', 'model');
  const event = { id: `evt_${'1'.repeat(26)}`, type: 'model.promoted', timestamp: '' } as const;
  const data = { ...ref, version: 1, by, gate: null };
  await t.rejects(registry.events.put({ ...event, tenantId: ref.tenantId, data }), busy);
  await nothingLeft('an event');
});

t.test('a user erased as soon as a publisher lets the model go is in no index again', async (t) => {
  const ref = { ...(await plant(registry)), user };
  const { job } = await registry.jobs.create(ref);
  const own = new Redis(world.server.connect());
  t.teardown(() => own.disconnect());
  const lock = `{scion}:lock:model:${modelName(ref)}`;
  /** The lock is free before its holder hears that it is. */
  const slow = new Proxy(own, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'eval') return value.bind(target);
      return async (script: string, keys: number, ...args: string[]) => {
        const reply = await target.eval(script, keys, ...args);
        if (args[0] === lock && script.includes("'del'"))
          await other.users.erase({ ...ref, by }, forgetNothing);
        return reply;
      };
    },
  });
  const publisher = await world.registry({ redis: slow });
  await publisher.models.publish(ref, job.id, (n) => encodedVersion(ref, job.id, n));
  t.same(await findTraces(world.store, world.redis, ['Ada Quince', 'da!20!51uince']), []);
});

t.test('a task that was deleted does not keep its users from being erased', async (t) => {
  const ref = { ...(await plant(registry)), user };
  await fill(ref);
  await registry.tasks.delete(ref.tenantId, ref.task);
  const { receipt } = await registry.users.erase({ ...ref, by }, forgetNothing);
  t.equal(receipt.objects.length, 5);
  t.same(await findTraces(world.store, world.redis, traces), []);
});

t.test('a name of another tenant, or none at all, is unknown', async (t) => {
  const ref = { ...(await plant(registry)), user: 'bob' };
  const { tenantId } = await plant(registry);
  await fill(ref);
  for (const request of [
    { tenantId, user: 'bob' },
    { ...ref, task: 'x/../..' },
    { tenantId: 'x', user: 'bob' },
  ]) {
    await t.rejects(registry.users.erase({ ...request, by }, forgetNothing), { code: 'user_not_found' });
  }
  t.equal(await registry.examples.count(ref), 2);
});
