import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@scion/contracts';
import { createFileStore, listAll } from '@scion/store';
import { createTestClock } from '@scion/testkit';
import t, { type Test } from 'tap';

async function folder(t: Test): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'scion-disk-'));
  t.teardown(() => rm(root, { recursive: true }));
  return root;
}

await t.test('an object is a plain file with its bytes, at the path of its key', async (t) => {
  const root = await folder(t);
  const store = await createFileStore({ root });
  await store.put('tenants/ten_01/tenant.json', new TextEncoder().encode('{}'));
  t.strictSame(await readdir(root), ['.scion', 'tenants']);
  t.strictSame(await readdir(join(root, 'tenants', 'ten_01')), ['tenant.json']);
});

await t.test('a delete takes away the folders that it empties, up to the root', async (t) => {
  const root = await folder(t);
  const store = await createFileStore({ root });
  await store.put('a/b/c/d', new Uint8Array(1));
  await store.put('a/x', new Uint8Array(1));
  await store.delete('a/b/c/d');
  t.strictSame(await readdir(join(root, 'a')), ['x.%']);
  await store.delete('a/x');
  t.strictSame(await readdir(root), ['.scion']);
});

await t.test('no call leaves a temporary file behind', async (t) => {
  const root = await folder(t);
  const store = await createFileStore({ root });
  await store.put('a', new Uint8Array(9));
  await store.create('a', new Uint8Array(9));
  await Promise.all(Array.from({ length: 8 }, () => store.create('b/c', new Uint8Array(9))));
  t.strictSame(await readdir(join(root, '.scion', 'tmp')), []);
});

await t.test(
  'opening removes old files of crashed writers and leaves young ones of unknown writers',
  async (t) => {
    const root = await folder(t);
    const temporary = join(root, '.scion', 'tmp');
    await mkdir(temporary, { recursive: true });
    const clock = createTestClock();
    for (const [name, ageMinutes] of [
      ['elsewhere-12-ab-0', 59],
      ['elsewhere-13-cd-0', 61],
    ] as const) {
      await writeFile(join(temporary, name), 'half an obj');
      const moment = clock() / 1000 - ageMinutes * 60;
      await utimes(join(temporary, name), moment, moment);
    }
    const store = await createFileStore({ root, clock });
    t.strictSame(await readdir(temporary), ['elsewhere-12-ab-0']);
    t.strictSame((await store.list('')).objects, []);
    clock.advance(2 * 60 * 1000);
    await createFileStore({ root, clock });
    t.strictSame(await readdir(temporary), []);
  },
);

await t.test('files that the store did not write are neither shown nor in the way', async (t) => {
  const root = await folder(t);
  const store = await createFileStore({ root });
  await store.put('a/b.json', new Uint8Array(1));
  await writeFile(join(root, '.DS_Store'), 'x');
  await writeFile(join(root, 'a', 'README'), 'x');
  await mkdir(join(root, 'lost+found'));
  await mkdir(join(root, 'a', 'folder.json'));
  await mkdir(join(root, 'empty', 'left', 'by', 'a', 'crash'), { recursive: true });
  t.strictSame(
    (await store.list('')).objects.map(({ key }) => key),
    ['a/b.json'],
  );
  t.strictSame((await store.children('')).names, ['a']);
  t.equal(await store.get('a/folder.json'), undefined);
});

await t.test('a folder of more files than one batch is listed whole and in order', async (t) => {
  const root = await folder(t);
  const store = await createFileStore({ root });
  const count = 2_500;
  mkdirSync(join(root, 'many'));
  const names = Array.from({ length: count }, (_, i) => String((i * 7919) % count).padStart(5, '0'));
  for (const name of names) {
    writeFileSync(join(root, 'many', `${name}.json`), '');
    mkdirSync(join(root, 'many', name));
    writeFileSync(join(root, 'many', name, 'x.json'), '');
  }
  const keys: string[] = [];
  for await (const { key } of listAll(store, 'many/')) keys.push(key);
  const expected = names.flatMap((name) => [`many/${name}.json`, `many/${name}/x.json`]);
  t.strictSame(keys, expected.sort());
  const children: string[] = [];
  let after: string | undefined;
  do {
    const page = await store.children('many/', after === undefined ? {} : { after });
    children.push(...page.names);
    after = page.next ?? undefined;
  } while (after !== undefined);
  t.strictSame(children, names.toSorted());
});

await t.test('however many empty folders crashes left, what lies behind them is found', async (t) => {
  const root = await folder(t);
  const store = await createFileStore({ root });
  for (let i = 0; i < 2_100; i++) mkdirSync(join(root, 'hollow', `e${i}`), { recursive: true });
  await store.put('hollow/z/last', new Uint8Array(1));
  t.match(await store.list('hollow/'), { objects: [{ key: 'hollow/z/last' }], next: null });
  t.strictSame(await store.children('hollow/'), { names: ['z'], next: null });
});

await t.test('a root that cannot be made is not_ready, and the detail names no path', async (t) => {
  const root = await folder(t);
  await writeFile(join(root, 'file'), '');
  const error = await createFileStore({ root: join(root, 'file', 'store') }).catch((e: unknown) => e);
  t.ok(error instanceof AppError);
  t.match(error, { code: 'not_ready' });
  t.notMatch((error as AppError).detail, root);
});
