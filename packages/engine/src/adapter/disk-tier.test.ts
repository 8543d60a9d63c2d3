import { lstat, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { AdapterKey } from '../index.js';
import { createDiskTier } from './disk-tier.js';
import { hash } from './format.js';

const bytesOf = (version: number) => new Uint8Array(100).fill(version);
const keyOf = (user: string, version = 1): AdapterKey => ({
  ...{ tenantId: 'ten_a', task: 'triage', user, version },
  adapterSha256: hash([bytesOf(version)]),
});

async function setup(t: Test, budgetBytes = 1_000) {
  const folder = await mkdtemp(join(tmpdir(), 'scion-tier-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const asked: string[] = [];
  const errors: unknown[] = [];
  const options = {
    ...{ folder, budgetBytes, onError: (error: unknown) => errors.push(error) },
    async load({ user, version }: AdapterKey) {
      asked.push(`${user}/${version}`);
      return user === 'nobody' ? undefined : bytesOf(version);
    },
  };
  const tier = await createDiskTier(options);
  const names = () => readdir(folder);
  /** Until so many lie on the disk: writes and removals are not waited for by whoever asks. */
  const written = async (count: number) => {
    while (tier.state().bytes !== 100 * count || (await names()).length !== count)
      await new Promise((resolve) => setImmediate(resolve));
  };
  return { tier, options, folder, asked, errors, names, written };
}

t.test('the second load of a version comes from the disk, the same to the byte', async (t) => {
  const { tier, asked, written } = await setup(t);
  const first = await tier.load(keyOf('ada', 7));
  await written(1);
  const second = await tier.load(keyOf('ada', 7));
  t.strictSame([...second!], [...first!]);
  t.strictSame(asked, ['ada/7']);
  t.match(tier.state(), { bytes: 100, hits: 1 });
  t.equal(await tier.load(keyOf('nobody')), undefined);
});

t.test('the budget holds: what was not read for longest goes, and leaves nothing on the disk', async (t) => {
  const { tier, asked, names, written } = await setup(t, 300);
  for (const [at, user] of ['a', 'b', 'c'].entries()) {
    await tier.load(keyOf(user));
    await written(at + 1);
  }
  for (let user = 0; user < 20; user += 1) {
    await tier.load(keyOf('a'));
    const before = (await names()).join();
    await tier.load(keyOf(`${user}`));
    while ((await names()).join() === before) await new Promise((resolve) => setImmediate(resolve));
    await written(3);
  }
  t.equal(asked.filter((name) => name === 'a/1').length, 1);
});

t.test('an erased model leaves no file, even one that is being written', async (t) => {
  const { tier, asked, written } = await setup(t);
  await tier.load(keyOf('ada', 1));
  await tier.load(keyOf('bea', 1));
  await written(2);
  await tier.load(keyOf('ada', 2));
  await tier.evict(keyOf('ada'));
  await written(1);
  asked.length = 0;
  await tier.load(keyOf('bea', 1));
  t.strictSame(asked, [], 'another model’s stays');
});

t.test(
  'a disk that is full costs no answer, and nothing half written stays on it',
  { skip: process.platform !== 'linux' && 'only Linux has a device that is always full' },
  async (t) => {
    const { tier, folder, asked, errors, names, written } = await setup(t);
    // Files are numbered: what is written to the first finds no space.
    await symlink('/dev/full', join(folder, '1'));
    t.strictSame(await tier.load(keyOf('ada')), bytesOf(1));
    while ((await names()).length > 0) await new Promise((resolve) => setImmediate(resolve));
    t.match(errors, [{ code: 'ENOSPC' }]);
    t.equal(tier.state().bytes, 0);
    await tier.load(keyOf('ada'));
    await written(1);
    t.equal(asked.length, 2);
  },
);

t.test('a start empties the folder and leaves it where it is: a disk may be mounted there', async (t) => {
  const { options, folder } = await setup(t);
  await mkdir(join(folder, 'disk', 'of-another-release'), { recursive: true });
  await writeFile(join(folder, 'disk', 'left-over'), 'x');
  const mounted = join(folder, 'mounted');
  await symlink(join(folder, 'disk'), mounted);
  await createDiskTier({ ...options, folder: mounted });
  t.ok((await lstat(mounted)).isSymbolicLink());
  t.strictSame(await readdir(join(folder, 'disk')), []);
});

t.test(
  'what was on its way from the store when its model was erased leaves no trace on the disk',
  async (t) => {
    const { options, folder } = await setup(t);
    const open: ((bytes: Uint8Array) => void)[] = [];
    const load = () => new Promise<Uint8Array>((resolve) => open.push(resolve));
    const tier = await createDiskTier({ ...options, load });
    for (const erase of [() => tier.evict(keyOf('ada')), () => tier.evictAll()]) {
      const asked = tier.load(keyOf('ada'));
      await erase();
      open.pop()!(bytesOf(1));
      t.equal((await asked)?.byteLength, 100, 'who waited gets it');
      // A later file is written after an earlier one.
      const later = tier.load(keyOf('bea'));
      open.pop()!(bytesOf(1));
      await later;
      while (tier.state().bytes < 100) await new Promise((resolve) => setImmediate(resolve));
      t.equal((await readdir(folder)).length, 1);
      await tier.evict(keyOf('bea'));
      t.strictSame(await readdir(folder), []);
    }
  },
);

t.test('where anything may have been erased nothing stays on the disk, however much there is', async (t) => {
  const { tier, folder, asked, errors, written } = await setup(t, 100_000);
  for (let user = 0; user < 150; user += 1) await tier.load(keyOf(`${user}`));
  await written(150);
  await tier.load(keyOf('being written'));
  await tier.evictAll();
  t.strictSame(await readdir(folder), []);
  t.equal(tier.state().bytes, 0);
  asked.length = 0;
  await tier.load(keyOf('7'));
  await written(1);
  await tier.load(keyOf('7'));
  t.strictSame(asked, ['7/1'], 'and it keeps files as before');
  t.strictSame(errors, []);
});

t.test('a file that is damaged or gone is fetched anew at once', async (t) => {
  const { tier, folder, asked, errors, names, written } = await setup(t);
  const spoilers = [(path: string) => writeFile(path, 'damaged'), (path: string) => rm(path)];
  await tier.load(keyOf('ada'));
  for (const [at, spoil] of spoilers.entries()) {
    await written(1);
    const [file] = await names();
    await spoil(join(folder, file!));
    t.strictSame([...(await tier.load(keyOf('ada')))!], [...bytesOf(1)]);
    t.strictSame([asked.length, errors.length], [at + 2, at + 1]);
  }
  t.equal(tier.state().hits, 0);
});

t.test('bytes that the store got wrong once are not kept', async (t) => {
  const { options } = await setup(t);
  const reads = [new Uint8Array(100), bytesOf(1), bytesOf(1)];
  const tier = await createDiskTier({ ...options, load: async () => reads.shift() });
  await tier.load(keyOf('ada'));
  // A later file is written after an earlier one.
  await tier.load(keyOf('bea'));
  while (tier.state().bytes < 100) await new Promise((resolve) => setImmediate(resolve));
  t.strictSame([...(await tier.load(keyOf('ada')))!], [...bytesOf(1)]);
  t.equal(reads.length, 0);
});
