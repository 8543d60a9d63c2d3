import type { Test } from 'tap';
import { listAll, type ObjectStore } from '../object-store.js';
import { bytes, guarantees, type StoreConformanceOptions } from './under-test.js';

const numbered = (count: number) =>
  Array.from({ length: count }, (_, i) => `n/${String(i).padStart(4, '0')}`);

async function fill(store: ObjectStore, keys: Iterable<string>): Promise<void> {
  const waiting = [...keys];
  const write = async () => {
    for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) await store.put(key, bytes('x'));
  };
  await Promise.all(Array.from({ length: 8 }, write));
}

const keysOf = async (store: ObjectStore, prefix: string, page = {}) =>
  (await store.list(prefix, page)).objects.map(({ key }) => key);

/** What lists and children show, in which order, page by page. */
export async function listingSuite(t: Test, options: StoreConformanceOptions): Promise<void> {
  const guarantee = guarantees(t, options);

  await guarantee('an empty store lists nothing', async (t, { store }) => {
    t.strictSame(await store.list(''), { objects: [], next: null });
    t.strictSame(await store.list('any/prefix'), { objects: [], next: null });
    t.strictSame(await store.children(''), { names: [], next: null });
    t.strictSame(await store.children('no/such/'), { names: [], next: null });
  });

  await guarantee('a prefix is any beginning of a key', async (t, { store }) => {
    await fill(store, [
      'ab',
      'ab/c',
      'ab/cd/e',
      'abc',
      'b',
      'AB',
      `${'l'.repeat(200)}/m`,
      `${'l'.repeat(210)}`,
    ]);
    t.strictSame(await keysOf(store, 'ab'), ['ab', 'ab/c', 'ab/cd/e', 'abc']);
    t.strictSame(await keysOf(store, 'ab/'), ['ab/c', 'ab/cd/e']);
    t.strictSame(await keysOf(store, 'ab/c'), ['ab/c', 'ab/cd/e']);
    t.strictSame(await keysOf(store, 'ab/cd/e'), ['ab/cd/e']);
    t.strictSame(await keysOf(store, 'ab/cd/e/'), []);
    t.strictSame(await keysOf(store, 'l'.repeat(100)), [`${'l'.repeat(200)}/m`, 'l'.repeat(210)]);
    t.strictSame(await keysOf(store, 'l'.repeat(201)), ['l'.repeat(210)]);
    t.strictSame(await keysOf(store, `${'l'.repeat(200)}/`), [`${'l'.repeat(200)}/m`]);
  });

  await guarantee('the order is that of UTF-8 bytes', async (t, { store }) => {
    const ordered = [
      '!',
      '-',
      '.a',
      '0',
      'A',
      '_',
      'a',
      'a!',
      'a-',
      'a.',
      'a/x',
      'a0',
      'é',
      '\uff5e',
      '\u{1f600}',
    ];
    await fill(store, ordered.toReversed());
    t.strictSame(await keysOf(store, ''), ordered);
  });

  await guarantee('pages follow one another without gap or repetition', async (t, { store }) => {
    const keys = numbered(57);
    await fill(store, ['m', ...keys, 'o']);
    for (const limit of [1, 7, 56, 57, 58, 1000]) {
      const seen: string[] = [];
      let after: string | undefined;
      for (;;) {
        const page = await store.list('n/', { limit, ...(after !== undefined && { after }) });
        t.ok(page.objects.length <= limit);
        seen.push(...page.objects.map(({ key }) => key));
        if (page.next === null) break;
        t.equal(page.next, page.objects.at(-1)?.key);
        after = page.next;
      }
      t.strictSame(seen, keys, `limit ${limit}`);
    }
  });

  await guarantee(
    '`after` is exclusive, need not exist, and may lie outside the prefix',
    async (t, { store }) => {
      await fill(store, ['a/1', 'a/2', 'a/3', 'b/1']);
      t.strictSame(await keysOf(store, 'a/', { after: 'a/1' }), ['a/2', 'a/3']);
      t.strictSame(await keysOf(store, 'a/', { after: 'a/1x' }), ['a/2', 'a/3']);
      t.strictSame(await keysOf(store, 'a/', { after: 'a/3' }), []);
      t.strictSame(await keysOf(store, 'a/', { after: 'A' }), ['a/1', 'a/2', 'a/3']);
      t.strictSame(await keysOf(store, 'a/', { after: 'a' }), ['a/1', 'a/2', 'a/3']);
      t.strictSame(await keysOf(store, 'a/', { after: 'b' }), []);
      t.strictSame(await keysOf(store, '', { after: 'a/2' }), ['a/3', 'b/1']);
    },
  );

  await guarantee('a limit is an integer from 1 to 1000', async (t, { store }) => {
    for (const limit of [0, -1, 1.5, 1001, Number.NaN]) {
      await t.rejects(store.list('', { limit }), RangeError);
      await t.rejects(store.children('', { limit }), RangeError);
    }
  });

  await guarantee(
    'more than a thousand objects need several pages, which listAll joins',
    async (t, { store }) => {
      const keys = numbered(1_003);
      await fill(store, keys);
      t.equal((await store.list('')).objects.length, 1000);
      const seen: string[] = [];
      for await (const { key } of listAll(store, 'n')) seen.push(key);
      t.strictSame(seen, keys);
    },
  );

  await guarantee('deleting what has been listed leaves the rest to be listed once', async (t, { store }) => {
    const keys = numbered(100);
    await fill(store, keys);
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await store.list('n/', { limit: 9, ...(after !== undefined && { after }) });
      for (const { key } of page.objects) {
        seen.push(key);
        await store.delete(key);
      }
      after = page.next ?? undefined;
    } while (after !== undefined);
    t.strictSame(seen, keys);
    t.strictSame(await store.children(''), { names: [], next: null });
  });

  await guarantee('children are the folders directly below, each once', async (t, { store }) => {
    const below = [
      'x/1/a',
      'x/1/b/c',
      'x/2.d/a',
      'x/2',
      'x/10/z',
      'x/object.json',
      'y/a',
      `x/${'w'.repeat(300)}/a`,
    ];
    await fill(store, [...below, 'x/é/a', 'x/1-/a']);
    t.strictSame((await store.children('')).names, ['x', 'y']);
    // "1-/" sorts before "1/", as their keys do.
    const names = ['1-', '1', '10', '2.d', 'w'.repeat(300), 'é'];
    t.strictSame((await store.children('x/')).names, names);
    t.strictSame((await store.children('x/1/')).names, ['b']);
    t.strictSame((await store.children('x/object.json/')).names, []);
    await t.rejects(store.children('x'), TypeError);
    for (const limit of [1, 2, 5, 6, 7]) {
      const seen: string[] = [];
      let after: string | undefined;
      do {
        const page = await store.children('x/', { limit, ...(after !== undefined && { after }) });
        t.ok(page.names.length <= limit);
        seen.push(...page.names);
        after = page.next ?? undefined;
      } while (after !== undefined);
      t.strictSame(seen, names, `limit ${limit}`);
    }
  });

  await guarantee('a folder whose last object goes is no child any more', async (t, { store }) => {
    await fill(store, ['x/1/a', 'x/2/deep/er/a']);
    await store.delete('x/2/deep/er/a');
    t.strictSame((await store.children('x/')).names, ['1']);
    await store.delete('x/1/a');
    t.strictSame((await store.children('')).names, []);
  });
}
