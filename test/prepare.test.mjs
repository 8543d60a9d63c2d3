// What a plain clone goes through before its first start: a small one here, its dependencies folders beside it.
import { spawnSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { isFitNode } from '../infra/bootstrap/prepare.mjs';

const prepare = fileURLToPath(new URL('../infra/bootstrap/prepare.mjs', import.meta.url));

t.test('a clone is built where NODE_ENV is production: what builds it is a development dependency', (t) => {
  const builder = { name: 'turbo', version: '1.0.0' };
  const clone = t.testdir({
    'package.json': JSON.stringify({ name: 'clone', devDependencies: { turbo: 'file:builder' } }),
    builder: {
      'package.json': JSON.stringify(builder),
      bin: { turbo: "require('node:fs').writeFileSync('built', '')" },
    },
    infra: { bootstrap: {} },
  });
  copyFileSync(prepare, join(clone, 'infra/bootstrap/prepare.mjs'));
  const run = (command, args, env) =>
    spawnSync(command, args, { cwd: clone, encoding: 'utf8', env: { ...process.env, ...env } });
  const locked = run('npm', ['install', '--package-lock-only', '--offline', '--no-audit']);
  t.equal(locked.status, 0, locked.stderr);
  const script = "await (await import('./infra/bootstrap/prepare.mjs')).prepare()";
  const env = { NODE_ENV: 'production', REDIS_URL: 'unused' };
  const prepared = () => run(process.execPath, ['--input-type=module', '--eval', script], env);
  const first = prepared();
  t.equal(first.status, 0, first.stderr);
  t.match(first.stdout, /dependencies installed in .*\n[\s\S]*built in /);

  // As it was left by an install without them, for the same lock file.
  rmSync(join(clone, 'node_modules/turbo'), { recursive: true });
  const mended = prepared();
  t.equal(mended.status, 0, mended.stderr);
  t.match(mended.stdout, /dependencies installed in /);
  t.notMatch(prepared().stdout, /dependencies/, 'what is there is not installed again');
  t.end();
});

t.test('only a Node that the build runs on is taken', (t) => {
  const fit = ['20.19.0', '20.20.2', '22.12.0', '22.13.1', '23.0.0', '24.1.0'];
  for (const version of fit) t.ok(isFitNode(version), version);
  for (const version of ['18.20.0', '20.18.9', '21.7.3', '22.11.0']) t.notOk(isFitNode(version), version);
  t.end();
});
