import { createHash } from 'node:crypto';
import type { Test } from 'tap';
import { listAll } from '../object-store.js';
import { bytes, guarantees, oddKeys, type StoreConformanceOptions, text } from './under-test.js';

const largeBytes = 40 * 1024 * 1024;

/** One object at a time: its bytes, its coming and going, and who wins. */
export async function contentSuite(t: Test, options: StoreConformanceOptions): Promise<void> {
  const guarantee = guarantees(t, options);

  await guarantee('an absent object is undefined, not an error', async (t, { store }) => {
    t.equal(await store.get('no/such.object'), undefined);
    t.equal(await store.head('no/such.object'), undefined);
    await store.put('no/such.object/below', bytes('x'));
    t.equal(await store.get('no/such.object'), undefined);
    t.equal(await store.head('no'), undefined);
    t.equal(await store.get('no/such.object/below/it'), undefined);
  });

  await guarantee('what was put is got back, with the same facts from every call', async (t, { store }) => {
    const put = await store.put('folder/object.json', bytes('{"a":1}'));
    const { body, ...got } = (await store.get('folder/object.json'))!;
    t.equal(text(body), '{"a":1}');
    t.equal(body.constructor, Uint8Array, 'a plain Uint8Array');
    t.match(got, { key: 'folder/object.json', bytes: 7, etag: put.etag });
    t.match(await store.head('folder/object.json'), { key: got.key, bytes: 7, etag: put.etag });
    t.match((await store.list('')).objects, [{ key: got.key, bytes: 7, etag: put.etag }]);
    for (const { modifiedAt } of [put, got, (await store.list('')).objects[0]!]) {
      t.match(modifiedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    }
  });

  await guarantee('a put replaces, and other bytes have another etag', async (t, { store }) => {
    const first = await store.put('k', bytes('one'));
    const second = await store.put('k', bytes('two'));
    t.equal(text((await store.get('k'))?.body), 'two');
    t.not(second.etag, first.etag);
    t.equal((await store.list('')).objects.length, 1);
  });

  await guarantee('the store keeps a copy and hands out copies', async (t, { store }) => {
    const mine = bytes('kept');
    await store.put('k', mine);
    mine.fill(0);
    const got = (await store.get('k'))!;
    t.equal(text(got.body), 'kept');
    got.body.fill(0);
    t.equal(text((await store.get('k'))?.body), 'kept');
  });

  await guarantee('a view into a larger buffer is stored as the view', async (t, { store }) => {
    const larger = Buffer.from('0123456789');
    await store.put('k', larger.subarray(3, 6));
    t.equal(text((await store.get('k'))?.body), '345');
  });

  await guarantee('an empty body is an object', async (t, { store }) => {
    await store.put('empty', new Uint8Array());
    t.equal((await store.get('empty'))?.body.length, 0);
    t.equal((await store.head('empty'))?.bytes, 0);
    t.equal(await store.create('empty', bytes('x')), undefined);
  });

  await guarantee('40 MB come back bit by bit', async (t, { store }) => {
    const body = new Uint8Array(largeBytes);
    for (let i = 0; i < body.length; i += 4093) body[i] = i % 251;
    const sha256 = (content: Uint8Array) => createHash('sha256').update(content).digest('hex');
    t.equal((await store.put('large', body)).bytes, largeBytes);
    t.equal(sha256((await store.get('large'))!.body), sha256(body));
  });

  await guarantee('odd keys are distinct and come back as they went in', async (t, { store }) => {
    for (const key of oddKeys) await store.put(key, bytes(`of ${key}`));
    for (const key of oddKeys) t.equal(text((await store.get(key))?.body), `of ${key}`, key);
    const listed: string[] = [];
    for await (const { key } of listAll(store, '')) listed.push(key);
    t.strictSame(
      listed,
      oddKeys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
    for (const key of oddKeys) await store.delete(key);
    t.strictSame((await store.list('')).objects, []);
  });

  await guarantee('keys outside the documented form are refused by every call', async (t, { store }) => {
    const refused = [
      '',
      '/',
      'a//b',
      '/a',
      'a/',
      '.',
      'a/../b',
      './a',
      'nul\0',
      'line\n',
      '\ud800',
      'k'.repeat(961),
    ];
    for (const key of [...refused, 'é'.repeat(481), '.scion', '.scion/tmp']) {
      await t.rejects(store.get(key), TypeError, JSON.stringify(key.slice(0, 12)));
      await t.rejects(store.head(key), TypeError);
      await t.rejects(store.put(key, bytes('x')), TypeError);
      await t.rejects(store.create(key, bytes('x')), TypeError);
      await t.rejects(store.delete(key), TypeError);
    }
    t.strictSame((await store.list('')).objects, []);
  });

  await guarantee('create makes an object only where there is none', async (t, { store }) => {
    t.match(await store.create('once', bytes('first')), { key: 'once', bytes: 5 });
    t.equal(await store.create('once', bytes('second')), undefined);
    t.equal(text((await store.get('once'))?.body), 'first');
    await store.delete('once');
    t.match(await store.create('once', bytes('third')), { bytes: 5 });
  });

  await guarantee('of concurrent creates exactly one wins, and its bytes stay', async (t, under) => {
    const shared = options.atomicBetweenInstances ?? true;
    const stores = shared ? [under.store, await under.another()] : [under.store];
    for (let round = 0; round < 5; round++) {
      const key = `race/${round}`;
      const won = await Promise.all(
        Array.from({ length: 16 }, (_, i) => stores[i % stores.length]!.create(key, bytes(`writer ${i}`))),
      );
      const winners = won.flatMap((info, i) => (info ? [i] : []));
      t.equal(winners.length, 1);
      t.equal(text((await under.store.get(key))?.body), `writer ${winners[0]}`);
    }
  });

  await guarantee('a reader meets one write whole, whatever is being written', async (t, under) => {
    const other = await under.another();
    // Each body is one byte value, as many times as it says.
    const bodyOf = (n: number) => new Uint8Array(1_000 * n + 1).fill(n);
    await under.store.put('k', bodyOf(1));
    let writing = true;
    let reads = 0;
    const read = async (store: typeof other) => {
      while (writing) {
        const { body, bytes: size } = (await store.get('k'))!;
        const n = body[0]!;
        if (body.length !== size || body.length !== 1_000 * n + 1 || body.some((byte) => byte !== n)) {
          t.fail(`a torn read: ${body.length} bytes, the first ${n}`);
        }
        reads++;
      }
    };
    const readers = [read(under.store), read(other), read(other)];
    for (let n = 2; n <= 60; n++) await under.store.put('k', bodyOf(n));
    writing = false;
    await Promise.all(readers);
    t.ok(reads > 0);
    t.equal((await other.get('k'))?.body[0], 60);
  });

  await guarantee('another instance sees a write as soon as it has returned', async (t, under) => {
    const other = await under.another();
    await under.store.put('a/b/c', bytes('1'));
    t.equal(text((await other.get('a/b/c'))?.body), '1');
    await other.delete('a/b/c');
    t.equal(await under.store.head('a/b/c'), undefined);
    t.strictSame((await under.store.list('')).objects, []);
  });

  await guarantee('deleting twice, or what never was, succeeds', async (t, { store }) => {
    await store.put('a/b', bytes('x'));
    await store.delete('a/b');
    await store.delete('a/b');
    await store.delete('never/was');
    await Promise.all(Array.from({ length: 5 }, () => store.delete('a/b')));
    t.equal(await store.head('a/b'), undefined);
  });

  await guarantee('writes beside deletes in one folder are never lost', async (t, under) => {
    const other = await under.another();
    for (let round = 0; round < 25; round++) {
      const folder = `a/${round % 2}/deep/er`;
      await other.put(`${folder}/goes`, bytes('x'));
      await Promise.all([
        other.delete(`${folder}/goes`),
        under.store.put(`${folder}/stays`, bytes('put')),
        under.store.create(`${folder}/made`, bytes('created')),
      ]);
      t.equal(text((await other.get(`${folder}/stays`))?.body), 'put');
      t.equal(text((await other.get(`${folder}/made`))?.body), 'created');
      await Promise.all([under.store.delete(`${folder}/stays`), other.delete(`${folder}/made`)]);
    }
    t.strictSame((await under.store.list('')).objects, []);
  });
}
