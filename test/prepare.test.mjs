// What a plain clone goes through before its first start: a small one here, its dependencies folders beside it.
import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

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
  const { status, stdout, stderr } = run(process.execPath, ['--input-type=module', '--eval', script], env);
  t.equal(status, 0, stderr);
  t.match(stdout, /dependencies installed in .*\n[\s\S]*built in /);
  t.end();
});
