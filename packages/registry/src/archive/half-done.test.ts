import type { ModelRef } from '@scion/contracts';
import type { ObjectStore } from '@scion/store';
import t from 'tap';
import { objectKeys } from '../index.js';
import {
  archive,
  jobId,
  newTenant,
  nothingStored,
  rebind,
  source,
  there,
  to,
  user,
} from '../testing/archived-user.js';
import { dumpIndexes } from '../testing/index-dump.js';
import { encodedVersion } from '../testing/world.js';

/** The store as a process has it that may die: from then on nothing is answered. */
function mortal(put: (key: string, body: Uint8Array, die: () => never) => ReturnType<ObjectStore['put']>) {
  let dead = false;
  const die = () => {
    dead = true;
    throw new Error('killed');
  };
  const alive = async <T>(run: () => Promise<T>): Promise<T> => (dead ? die() : run());
  const store: ObjectStore = {
    ...there.store,
    list: (prefix, page) => alive(() => there.store.list(prefix, page)),
    children: (prefix, page) => alive(() => there.store.children(prefix, page)),
    delete: (key) => alive(() => there.store.delete(key)),
    put: (key, body) => alive(() => put(key, body, die)),
  };
  return store;
}

/** Imports by a process that dies at the object for which `dies` holds. */
async function dieImporting(tenantId: string, dies: (key: string, puts: number) => boolean): Promise<void> {
  let puts = 0;
  const store = mortal(async (key, body, die) => {
    if (key.startsWith(objectKeys.usersPrefix(tenantId)) && dies(key, ++puts)) die();
    return there.store.put(key, body);
  });
  const doomed = await there.registry({ store });
  await t.rejects(doomed.users.import(tenantId, archive, rebind), { message: 'killed' });
}
/** Behind the mark, a segment, an adapter and its card. */
const behindAVersion = (_key: string, puts: number) => puts > 4;

t.test(
  'what an import left that died half-way is gone by the next night, also after a loss of Redis',
  async (t) => {
    const tenantId = await newTenant();
    await dieImporting(tenantId, behindAVersion);
    t.notOk(await nothingStored(tenantId));
    t.equal(await to.users.collectImports(), 0, 'one that may be under way is left alone');
    await to.rebuild();
    there.clock.advance(3_600_001);
    t.equal(await to.users.collectImports(), 1);
    t.ok(await nothingStored(tenantId));
    t.same((await to.models.list(tenantId)).data, []);
    t.equal(await to.users.collectImports(), 0);
    await to.users.import(tenantId, archive, rebind);
    there.clock.advance(3_600_001);
    t.equal(await to.users.collectImports(), 0, 'one that ended stays');
    t.notOk(await nothingStored(tenantId));
  },
);

t.test('while an import is half done, whoever writes is refused and told what helps', async (t) => {
  const tenantId = await newTenant();
  const ref = { ...source, tenantId };
  // All of the first task is there, and of the second one nothing.
  await dieImporting(tenantId, (key) => key.includes('/news/'));
  t.match(await to.models.get(ref), { examples: 2, live: { version: 1 } });
  const rows = [{ id: 'a', input: 'one', label: 'like', weight: 2 }];
  const writes: Record<string, () => Promise<unknown>> = {
    'append of what is there': () => to.examples.append(ref, rows),
    'append for the task that it had not come to': () => to.examples.append({ ...ref, task: 'news' }, rows),
    deletion: () => to.examples.delete(ref, 'a'),
    compaction: () => to.examples.compact(ref, { atLeast: 1 }),
    job: () => to.jobs.create(ref),
    publishing: () => to.models.publish(ref, jobId, (n) => encodedVersion(ref, jobId, n)),
    'promotion by a job': () => to.models.promote(ref, 2, jobId),
    'promotion of what is live': () => to.models.promoteTo(ref, 1, 'key_1'),
    'roll-back': () => to.models.rollback(ref, { version: 2, by: 'key_1' }),
    'pin of what is pinned': () => to.models.setPinned(ref, 2, true, 'key_1'),
    collection: () => to.models.collect(ref),
  };
  for (const [what, write] of Object.entries(writes)) {
    await t.rejects(
      write() as Promise<void>,
      {
        code: 'user_importing',
        retryable: true,
        retryAfterSeconds: 5,
        detail: /import the archive again or erase the user/,
      },
      what,
    );
  }

  await t.test('until it is imported again', async (t) => {
    await to.users.import(tenantId, archive, rebind);
    t.match(await to.examples.append(ref, rows), { duplicates: 1, total: 2 });
    t.match(await to.models.get({ ...ref, task: 'news' }), { examples: 2, live: { version: 1 } });
  });
  await t.test('or until it is taken back', async (t) => {
    const other = { ...source, tenantId: await newTenant() };
    await dieImporting(other.tenantId, behindAVersion);
    there.clock.advance(3_600_001);
    t.equal(await to.users.collectImports(), 1);
    t.match(await to.examples.append(other, rows), { accepted: 1, total: 1 });
  });
  await t.test('or until the user is erased, and not by an erasure of one task', async (t) => {
    const other = { ...source, tenantId: await newTenant() };
    const { tenantId } = other;
    await dieImporting(tenantId, (key) => key.includes('/news/versions/'));
    await to.users.erase({ tenantId, user, task: other.task, by: 'key_1' }, async () => {});
    await t.rejects(to.examples.append(other, rows), { code: 'user_importing' });
    await to.users.erase({ tenantId, user, by: 'key_1' }, async () => {});
    t.match(await to.examples.append(other, rows), { accepted: 1, total: 1 });
  });
  await t.test('also where it had stored nothing', async (t) => {
    const other = { ...source, tenantId: await newTenant() };
    const { tenantId } = other;
    await dieImporting(tenantId, (_key, puts) => puts > 1);
    const erase = () => to.users.erase({ tenantId, user, by: 'key_1' }, async () => {});
    await t.rejects(erase(), { code: 'user_not_found' });
    t.match(await to.examples.append(other, rows), { accepted: 1, total: 1 });
  });
});

t.test('an import that fails in a process that goes on leaves nothing half done', async (t) => {
  const tenantId = await newTenant();
  let failed = false;
  const failing: ObjectStore = {
    ...there.store,
    async put(key, body) {
      if (!failed && key.includes('/news/versions/')) {
        failed = true;
        throw new Error('no answer');
      }
      return there.store.put(key, body);
    },
  };
  const registry = await there.registry({ store: failing });
  await t.rejects(registry.users.import(tenantId, archive, rebind), { message: 'no answer' });
  t.ok(await nothingStored(tenantId));
  await registry.users.import(tenantId, archive, rebind);
});

t.test('nor does one whose mark was stored, and the answer to that lost', async (t) => {
  const tenantId = await newTenant();
  let lost = false;
  const registry = await there.registry({
    store: {
      ...there.store,
      async put(key, body) {
        const stored = await there.store.put(key, body);
        if (lost || !key.endsWith('/importing.json')) return stored;
        lost = true;
        throw new Error('no answer');
      },
    },
  });
  await t.rejects(registry.users.import(tenantId, archive, rebind), { message: 'no answer' });
  t.ok(await nothingStored(tenantId));
  await registry.users.import(tenantId, archive, rebind);
});

t.test('what others had under way when an import began is kept, and the import refused', async (t) => {
  /** Somebody has looked for an import, found none and is about to store; only then does the import set its mark. */
  async function meet(tenantId: string, dies: boolean) {
    const ref = { ...source, tenantId };
    let reached = () => {};
    let goOn = () => {};
    const atItsSegment = new Promise<void>((resolve) => (reached = resolve));
    const marked = new Promise<void>((resolve) => (goOn = resolve));
    const slow: ObjectStore = {
      ...there.store,
      async put(key, body) {
        reached();
        await marked;
        await new Promise(setImmediate);
        return there.store.put(key, body);
      },
    };
    const writer = await there.registry({ store: slow });
    let appended: Promise<unknown> | undefined;
    const store = mortal(async (key, body, die) => {
      if (key !== objectKeys.importing(tenantId, user)) return there.store.put(key, body);
      appended = writer.examples.append(ref, [{ id: 'a', input: 'one', label: 'like', weight: 2 }]);
      await atItsSegment;
      const info = await there.store.put(key, body);
      goOn();
      if (dies) {
        await appended;
        die();
      }
      return info;
    });
    const imported = (await there.registry({ store })).users.import(tenantId, archive, rebind);
    await t.rejects(imported, dies ? { message: 'killed' } : { code: 'user_exists' });
    t.match(await appended, { accepted: 1 });
    return ref;
  }
  const kept = async (ref: ModelRef) => {
    t.match((await to.examples.all(ref)).examples, [{ id: 'a' }]);
    t.match(await to.examples.append(ref, [{ id: 'b', input: 'two', label: 'skip' }]), { total: 2 });
    t.same((await to.models.list(ref.tenantId)).data.length, 1);
    t.notOk(await there.store.head(objectKeys.importing(ref.tenantId, user)));
    const indexes = await dumpIndexes(there.redis);
    await to.rebuild();
    t.same(await dumpIndexes(there.redis), indexes, 'the indexes are those that the bucket gives');
  };

  await t.test('at once', async () => kept(await meet(await newTenant(), false)));
  await t.test('also where the import died right behind its mark, in the night', async (t) => {
    const ref = await meet(await newTenant(), true);
    await t.rejects(to.examples.append(ref, [{ id: 'b', input: 'two', label: 'skip' }]), {
      code: 'user_importing',
    });
    there.clock.advance(3_600_001);
    t.equal(await to.users.collectImports(), 1);
    await kept(ref);
  });
  await t.test('and when it is imported again', async (t) => {
    const ref = await meet(await newTenant(), true);
    await t.rejects(to.users.import(ref.tenantId, archive, rebind), { code: 'user_exists' });
    await kept(ref);
  });
});

t.test('an import sent again is not held against a quota for what its own dead attempt left', async (t) => {
  const tenantId = await newTenant();
  let needed = 0;
  await to.users.import(await newTenant(), archive, rebind, user, async ({ bytes }) => (needed = bytes));
  const quotas = { users: 1, examples: 4, storageBytes: needed };
  await to.tenants.put(tenantId, { name: 'Orchard', quotas });
  t.match(await to.usage.levels(tenantId), { users: 0, examples: 0, storageBytes: 0 });
  await dieImporting(tenantId, (key, puts) => key.includes('/news/') && puts > 8);
  await to.users.import(tenantId, archive, rebind, undefined, async ({ tasks, bytes }) => {
    await to.usage.admitUser({ tenantId, user });
    await to.usage.admitExamples(
      tenantId,
      tasks.reduce((sum, { examples }) => sum + examples, 0),
    );
    await to.usage.admitBytes(tenantId, bytes);
  });
  const kept = await to.usage.levels(tenantId);
  t.match(kept, { users: 1, examples: 4 });
  t.equal(await to.usage.measure(tenantId), kept.storageBytes, 'and what is counted is what is stored');
});

t.test(
  'a mark from before marks named their objects takes nothing with it, and frees the user',
  async (t) => {
    const refs = [];
    for (let n = 0; n < 2; n += 1) {
      const ref = { ...source, tenantId: await newTenant() };
      refs.push(ref);
      await to.examples.append(ref, [{ id: 'a', input: 'one', label: 'like' }]);
      const old = JSON.stringify({ at: new Date(there.clock()).toISOString() });
      await there.store.put(objectKeys.importing(ref.tenantId, user), Buffer.from(old));
    }
    await t.rejects(to.users.import(refs[0]!.tenantId, archive, rebind), { code: 'user_exists' });
    await to.rebuild();
    there.clock.advance(3_600_001);
    t.equal(await to.users.collectImports(), 1);
    for (const ref of refs)
      t.match(await to.examples.append(ref, [{ id: 'b', input: 'two', label: 'like' }]), { total: 2 });
  },
);

t.test('where one user’s import cannot be taken back, those of the others are, and it is told', async (t) => {
  const [broken, whole] = [await newTenant(), await newTenant()].sort() as [string, string];
  await dieImporting(broken, behindAVersion);
  await dieImporting(whole, behindAVersion);
  await there.store.put(objectKeys.importing(broken, user), Buffer.from('{'));
  there.clock.advance(3_600_001);
  await t.rejects(to.users.collectImports(), { code: 'internal' });
  t.ok(await nothingStored(whole));
  await to.users.erase({ tenantId: broken, user, by: 'key_1' }, async () => {});
  t.equal(await to.users.collectImports(), 0);
});
