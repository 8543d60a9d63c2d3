import type { ModelRef } from '@scion/contracts';
import type { ObjectStore } from '@scion/store';
import fc from 'fast-check';
import t from 'tap';
import { objectKeys, type Rebind } from '../index.js';
import { sha256Hex } from '../secrets.js';
import { dumpIndexes } from '../testing/index-dump.js';
import { createWorld, encodedVersion, gate, plant } from '../testing/world.js';
import { readTar, tarEnd, tarEntry } from './tar.js';

const [here, there] = [await createWorld(), await createWorld()];
t.teardown(async () => {
  await here.close();
  await there.close();
});
const [from, to] = [await here.registry(), await there.registry()];
await from.ensureIndexed();
await to.ensureIndexed();
const user = 'Ada Quince@example.com';
const source = { ...(await plant(from)), user };
await from.tasks.put(source.tenantId, 'news', {}, { base: 'minilm' });

async function fill(ref: ModelRef): Promise<string> {
  await from.examples.append(ref, [
    { id: 'a', input: 'one', label: 'like', weight: 2 },
    { id: 'gone', input: 'secret pear', label: 'skip' },
    { id: 'b', input: 'two', label: 'skip' },
  ]);
  await from.examples.delete(ref, 'gone');
  const { job } = await from.jobs.create(ref);
  for (const by of [job.id, `job_${'1'.repeat(26)}`]) {
    const { version } = await from.models.publish(ref, by, (n) => encodedVersion(ref, by, n));
    await from.models.promote(ref, version, by);
  }
  await from.models.rollback(ref, { version: 1, by: 'key_1' });
  await from.models.setPinned(ref, 2, true, 'key_1');
  const events = [{ seq: 1, at: job.createdAt, type: 'state', state: 'succeeded' } as const];
  await from.jobs.finish({ ...ref, jobId: job.id }, { state: 'succeeded', version: 1, gate, events });
  await from.jobs.create(ref);
  return job.id;
}
const jobId = await fill(source);
await fill({ ...source, task: 'news' });

async function exported(): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of await from.users.export(source.tenantId, user)) parts.push(part);
  return Buffer.concat(parts);
}
const archive = await exported();

/** As the engine's, as far as records go: other bytes for another owner. */
const rebind: Rebind = (adapter, { version, sha256 }, { owner, jobId: by }) => {
  t.equal(sha256Hex(adapter), sha256);
  const { card } = encodedVersion(owner, by, version);
  const bytes = Buffer.concat([adapter, Buffer.from(` of ${owner.tenantId}`)]);
  return { bytes, sha256: sha256Hex(bytes), card };
};
async function newTenant(): Promise<string> {
  const { tenantId } = await plant(to);
  await to.tasks.put(tenantId, 'news', {}, { base: 'minilm' });
  return tenantId;
}
const nothingStored = async (tenantId: string, name = user) =>
  (await there.store.list(objectKeys.userPrefix(tenantId, name))).objects.length === 0;

t.test('an exported user is the same in another deployment, under its own owner and ids', async (t) => {
  const tenantId = await newTenant();
  const imported = await to.users.import(tenantId, archive, rebind);
  t.match(imported, {
    user,
    tasks: [
      { task: 'inbox-triage', examples: 2, versions: 2, live: 1, jobs: 1 },
      { task: 'news', examples: 2, versions: 2, live: 1, jobs: 1 },
    ],
  });
  const ref = { ...source, tenantId };
  t.same(await to.examples.all(ref), await from.examples.all(source));
  const [before, after] = [await from.models.get(source), await to.models.get(ref)];
  t.match(after, { examples: 2, versions: 2, live: { version: 1 } });
  t.same(
    after.history.map(({ version, at, reason }) => [version, at, reason]),
    before.history.map(({ version, at, reason }) => [version, at, reason]),
  );
  const versions = (await to.models.versions(ref)).data;
  t.same(
    versions.map(({ version, pinned = false }) => [version, pinned]),
    [
      [2, true],
      [1, false],
    ],
  );
  const adapter = Buffer.from((await to.models.adapter(ref, 1)) ?? '').toString();
  t.match(adapter, new RegExp(`^adapter ${jobId} 1 of ${tenantId}$`));
  t.equal(versions[1]?.adapterSha256, sha256Hex(adapter));
  const jobs = (await to.jobs.list(tenantId, { task: ref.task })).data;
  t.match(jobs, [{ tenantId, user, state: 'succeeded', version: 1 }]);
  t.equal(jobs.length, 1, 'the one that had not ended stayed');
  t.not(jobs[0]?.id, jobId);
  t.equal(jobs[0]?.id.slice(0, 14), jobId.slice(0, 14), 'it keeps its moment');
  t.equal(versions[1]?.card.jobId, jobs[0]?.id);
  t.equal(after.history.at(-1)?.by, jobs[0]?.id);
  t.equal((await to.jobs.events(tenantId, jobs[0]?.id ?? ''))?.length, 1);
  t.match(await to.examples.append(ref, [{ id: 'c', input: 'three', label: 'like' }]), { total: 3 });

  t.test('what a rebuild finds is the same', async (t) => {
    const seen = [await to.models.list(tenantId), await to.jobs.list(tenantId)];
    await to.rebuild();
    t.same([await to.models.list(tenantId), await to.jobs.list(tenantId)], seen);
  });
  t.test('a user who is known is not imported over', async (t) => {
    await t.rejects(to.users.import(tenantId, archive, rebind), { code: 'user_exists' });
    t.equal(await to.examples.count(ref), 3);
    await to.users.import(tenantId, archive, rebind, 'another');
    t.equal(await to.examples.count({ ...ref, user: 'another' }), 2);
  });
  t.test('erased, nothing of it is left', async (t) => {
    await to.users.erase({ tenantId, user, by: 'key_1' }, async () => {});
    t.ok(await nothingStored(tenantId));
  });
});

t.test('beside an adapter with matrices stands what Hugging Face PEFT reads it by', async (t) => {
  const ref = { ...(await plant(from)), user };
  const { job } = await from.jobs.create(ref);
  const lora = { rank: 4, alpha: 8, layers: [4, 5], targets: ['query', 'value'] };
  for (const method of ['head', 'lora'] as const)
    await from.models.publish(
      ref,
      job.id,
      (n) => {
        const encoded = encodedVersion(ref, job.id, n);
        const recipe = { ...encoded.card.recipe, ...(method === 'lora' && { lora }) };
        return { ...encoded, card: { ...encoded.card, method, recipe } };
      },
      method,
    );
  const parts: Uint8Array[] = [];
  for await (const part of await from.users.export(ref.tenantId, user)) parts.push(part);
  const files = readTar(Buffer.concat(parts), 100);
  const folder = (version: number) => `${ref.task}/versions/${version}/`;
  t.notOk(files.has(`${folder(1)}adapter_config.json`), 'a head is nothing to PEFT');
  t.ok(files.has(`${folder(2)}adapter_model.safetensors`));
  const config = JSON.parse(Buffer.from(files.get(`${folder(2)}adapter_config.json`)!).toString());
  t.match(config, {
    ...{ peft_type: 'LORA', task_type: 'FEATURE_EXTRACTION', base_model_name_or_path: 'minilm' },
    ...{ r: 4, lora_alpha: 8, layers_to_transform: [4, 5], target_modules: ['query', 'value'] },
    ...{ modules_to_save: null, bias: 'none', fan_in_fan_out: false, use_rslora: false },
  });
});

t.test('an archive from before its adapters had PEFT’s name is still imported', async (t) => {
  const files = readTar(archive, 1_000);
  const old = new Map([...files].map(([path, body]) => [path.replace('adapter_model.', 'adapter.'), body]));
  const manifest = JSON.parse(Buffer.from(old.get('manifest.json')!).toString());
  for (const entry of manifest.entries) entry.path = entry.path.replace('adapter_model.', 'adapter.');
  old.set('manifest.json', Buffer.from(JSON.stringify(manifest)));
  const tar = Buffer.concat([...[...old].flatMap(([path, body]) => [...tarEntry(path, body)]), tarEnd()]);
  const imported = await to.users.import(await newTenant(), tar, rebind);
  t.equal(imported.tasks[0]?.versions, 2);
});

t.test('an export holds nothing that was deleted', async (t) => {
  t.notMatch(Buffer.from(archive).toString('latin1'), 'secret pear');
  await t.rejects(from.users.export(source.tenantId, 'nobody'), { code: 'user_not_found' });
});

t.test('nothing is stored of what does not fit', async (t) => {
  const { tenantId } = await plant(to);
  await t.rejects(to.users.import(tenantId, archive, rebind), { code: 'task_not_found' });
  t.ok(await nothingStored(tenantId), 'not even of the task that is there');
  const other = await newTenant();
  const refuse: Rebind = (adapter, context, owner) => {
    if (context.version === 2) throw Object.assign(new Error('other base'), { code: 'archive_invalid' });
    return rebind(adapter, context, owner);
  };
  await t.rejects(to.users.import(other, archive, refuse), { code: 'archive_invalid' });
  t.ok(await nothingStored(other));
});

t.test('an archive is refused by a task of another kind, for its versions as for its labels', async (t) => {
  const { tenantId } = await plant(to);
  await to.tasks.put(tenantId, 'news', { kind: 'multilabel' }, { base: 'minilm' });
  await t.rejects(to.users.import(tenantId, archive, rebind), {
    code: 'archive_invalid',
    detail: /the `label` of an example of `news` is not of the kind .* `multilabel`: import it where/,
  });
  const regressed: Rebind = (...asked) => {
    const bound = rebind(...asked);
    return { ...bound, card: { ...bound.card, kind: 'regression' } };
  };
  await t.rejects(to.users.import(await newTenant(), archive, regressed), {
    code: 'archive_invalid',
    detail: /version \d of `inbox-triage` is not of the kind .* `classification`/,
  });
  t.ok(await nothingStored(tenantId));
});

t.test('whatever is changed in an archive, it is refused whole', async (t) => {
  const tenantId = await newTenant();
  const files = [...readTar(archive, 1_000)];
  const pack = (changed: [string, Uint8Array][]) =>
    Buffer.concat([...changed.flatMap(([path, body]) => [...tarEntry(path, body)]), tarEnd()]);
  /** With a manifest that fits, as a forger would write it. */
  const forge = (changed: [string, Uint8Array][]) => {
    const rest = changed.filter(([path]) => path !== 'manifest.json');
    const entries = rest.map(([path, body]) => ({ path, bytes: body.byteLength, sha256: sha256Hex(body) }));
    return pack([...rest, ['manifest.json', Buffer.from(JSON.stringify({ entries }))]]);
  };
  const refused = async (bytes: Uint8Array, what: string) => {
    await t.rejects(to.users.import(tenantId, bytes, rebind), { code: 'archive_invalid' }, what);
    t.ok(await nothingStored(tenantId), what);
  };
  for (const [path] of files) {
    const without = files.filter(([name]) => name !== path);
    await refused(pack(without), `without ${path}`);
    // A manifest with a space behind it says the same.
    if (path !== 'manifest.json')
      await refused(
        pack(
          files.map(([name, body]) => [name, name === path ? Buffer.concat([body, Buffer.from(' ')]) : body]),
        ),
        `with a longer ${path}`,
      );
    if (!/examples|live|events|\/jobs\//.test(path)) {
      const kept =
        path === 'manifest.json' ? [...without, ['x/y', Buffer.from('')] as [string, Uint8Array]] : without;
      await refused(forge(kept), `forged without ${path}`);
    }
  }
  await fc.assert(
    fc.asyncProperty(
      fc.nat(files.length - 1),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (which, at, flip) => {
        const changed = files.map(([path, body]): [string, Uint8Array] => [path, Uint8Array.from(body)]);
        const body = changed[which]?.[1] as Uint8Array;
        // The last byte may be one white space in the place of another.
        const where = at % (body.byteLength - 1);
        body[where] = (body[where] ?? 0) ^ flip;
        await refused(pack(changed), `${files[which]?.[0]} byte ${where}`);
      },
    ),
    { numRuns: 40 },
  );
  const swap = (path: RegExp, text: (old: string) => string) =>
    forge(
      files.map(([name, body]) => [
        name,
        path.test(name) ? Buffer.from(text(Buffer.from(body).toString())) : body,
      ]),
    );
  await refused(
    swap(/live/, (old) => old.replace('"version":1', '"version":7')),
    'live names no version',
  );
  await refused(
    swap(/000001/, (old) => old + old),
    'an example twice',
  );
  await refused(
    swap(/archive/, (old) => old.replace('scion-user/1', 'scion-user/2')),
    'another format',
  );
  await refused(forge([...files, ['news/../escape', Buffer.from('x')]]), 'a path of its own');
});

/** Imports by a process that dies at the object for which `dies` holds. */
async function dieImporting(tenantId: string, dies: (key: string, puts: number) => boolean): Promise<void> {
  let puts = 0;
  let dead = false;
  const alive = <T>(run: () => Promise<T>) => (dead ? Promise.reject(new Error('dead')) : run());
  const dying: ObjectStore = {
    ...there.store,
    list: (prefix, page) => alive(() => there.store.list(prefix, page)),
    children: (prefix, page) => alive(() => there.store.children(prefix, page)),
    delete: (key) => alive(() => there.store.delete(key)),
    async put(key, body) {
      if (key.startsWith(objectKeys.usersPrefix(tenantId))) dead ||= dies(key, ++puts);
      if (dead) throw new Error('killed');
      return there.store.put(key, body);
    },
  };
  const doomed = await there.registry({ store: dying });
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
    const importer: ObjectStore = {
      ...there.store,
      async put(key, body) {
        if (key !== objectKeys.importing(tenantId, user)) return there.store.put(key, body);
        appended = writer.examples.append(ref, [{ id: 'a', input: 'one', label: 'like', weight: 2 }]);
        await atItsSegment;
        const info = await there.store.put(key, body);
        goOn();
        if (dies) {
          await appended;
          throw new Error('killed');
        }
        return info;
      },
    };
    const imported = (await there.registry({ store: importer })).users.import(tenantId, archive, rebind);
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

t.test('an import that is refused for its size stores nothing', async (t) => {
  const tenantId = await newTenant();
  const asked: object[] = [];
  const refuse = async (what: object) => {
    asked.push(what);
    throw new Error('too much');
  };
  await t.rejects(to.users.import(tenantId, archive, rebind, undefined, refuse), { message: 'too much' });
  t.match(asked, [{ user, tasks: [{ examples: 2 }, { examples: 2 }], bytes: Number }]);
  t.ok(await nothingStored(tenantId));
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
