// What `npm pack` would hand to a stranger: the right files, resolvable types, and nothing of the rest of the repository.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { installPacked, pack, root } from './sdk/packed.mjs';

const folder = mkdtempSync(join(tmpdir(), 'scion-sdk-package-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const sdk = pack('sdk', folder);

t.test('the tarball holds the compiled client, its types and its README, and no tests', async (t) => {
  for (const path of ['package.json', 'README.md', 'dist/index.js', 'dist/index.d.ts'])
    t.ok(sdk.files.includes(path), path);
  t.same(
    sdk.files.filter((path) => !/^(package\.json|README\.md|LICENSE|dist\/[\w/-]+\.(js|d\.ts))$/.test(path)),
    [],
    'nothing else',
  );
  t.same(
    sdk.files.filter((path) => /test/.test(path)),
    [],
  );
});

t.test('publint finds nothing to say', async (t) => {
  const { publint } = await import('publint');
  const { messages } = await publint({ pkgDir: join(root, 'packages/sdk'), strict: true, pack: false });
  t.same(messages, []);
});

t.test('types resolve for every way to import an ES module', async (t) => {
  const { checkPackage, createPackageFromTarballData } = await import('@arethetypeswrong/core');
  const bytes = new Uint8Array(readFileSync(sdk.tarball));
  const { problems, entrypoints } = await checkPackage(createPackageFromTarballData(bytes));
  t.ok(Object.keys(entrypoints).length > 0);
  // The package is ESM only: Node before 20.19 cannot require it, and we do not run there.
  t.same(
    problems.filter(({ kind }) => kind !== 'CJSResolvesToESM' && kind !== 'NoResolution'),
    [],
  );
});

t.test('installed, it type-checks and runs with its two dependencies alone', async (t) => {
  const app = installPacked(folder, sdk);
  writeFileSync(
    join(app, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        ...{ target: 'es2023', module: 'nodenext', strict: true, skipLibCheck: false },
        ...{ lib: ['es2023', 'dom', 'dom.iterable'], types: [], outDir: '.' },
      },
      files: ['main.ts'],
    }),
  );
  writeFileSync(
    join(app, 'main.ts'),
    `import { createClient, isScionError, type Job } from '@scion/sdk';
     const client = createClient({ baseUrl: 'http://127.0.0.1:1', apiKey: 'scion_x', maxRetries: 0 });
     const state = (job: Job): 'queued' | string => job.state;
     // @ts-expect-error a label is no truth value
     client.examples.append('feed', 'ada', [{ input: 'x', label: true }]).catch(() => {});
     try { state(await client.jobs.get('job_1')); } catch (error) {
       console.log(isScionError(error, 'network_error'));
     }`,
  );
  // Without what tap adds to the environment of its children.
  const plain = { encoding: 'utf8', env: { PATH: process.env.PATH } };
  const compiler = join(root, 'node_modules/typescript/lib/tsc.js');
  const compiled = spawnSync(process.execPath, [compiler, '-p', app], plain);
  t.equal(compiled.stdout + compiled.stderr, '', 'no type error');
  t.equal(
    execFileSync(process.execPath, [join(app, 'main.js')], plain).trim(),
    'true',
    'a typed error comes out',
  );
});
