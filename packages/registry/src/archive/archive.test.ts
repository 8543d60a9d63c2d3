import fc from 'fast-check';
import t from 'tap';
import type { Rebind } from '../index.js';
import { sha256Hex } from '../secrets.js';
import {
  archive,
  from,
  jobId,
  newTenant,
  nothingStored,
  rebind,
  source,
  to,
  user,
} from '../testing/archived-user.js';
import { encodedVersion, plant, testBase } from '../testing/world.js';
import { readTar, tarEnd, tarEntry } from './tar.js';

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
  const exported = async (base = testBase) => {
    const parts: Uint8Array[] = [];
    for await (const part of await from.users.export(ref.tenantId, user, base)) parts.push(part);
    return readTar(Buffer.concat(parts), 100);
  };
  const files = await exported();
  const folder = (version: number) => `${ref.task}/versions/${version}/`;
  t.notOk(files.has(`${folder(1)}adapter_config.json`), 'a head is nothing to PEFT');
  t.ok(files.has(`${folder(2)}adapter_model.safetensors`));
  const configIn = (files: Map<string, Uint8Array>) =>
    JSON.parse(Buffer.from(files.get(`${folder(2)}adapter_config.json`)!).toString());
  t.match(configIn(files), {
    ...{ peft_type: 'LORA', task_type: 'FEATURE_EXTRACTION', base_model_name_or_path: 'minilm' },
    ...{ r: 4, lora_alpha: 8, layers_to_transform: [4, 5], target_modules: ['query', 'value'] },
    ...{ modules_to_save: null, bias: 'none', fan_in_fan_out: false, use_rslora: false },
  });
  const elsewhere = configIn(await exported({ name: 'another-base', sha256: '2'.repeat(64) }));
  t.equal(elsewhere.base_model_name_or_path, testBase.sha256, 'a base that is gone is told by its hash');
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
  await t.rejects(from.users.export(source.tenantId, 'nobody', testBase), { code: 'user_not_found' });
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
