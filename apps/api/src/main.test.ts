import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const main = fileURLToPath(new URL('./main.js', import.meta.url));

t.test('a process with a wrong environment says all of what is wrong, and ends', async (t) => {
  const env = { PATH: process.env.PATH ?? '', SCION_PORT: 'sesame' };
  const { status, stderr, stdout } = spawnSync(process.execPath, [main], { env, encoding: 'utf8' });
  t.equal(status, 1);
  for (const name of ['SCION_PORT', 'SCION_DATA', 'SCION_BASE', 'REDIS_URL']) t.match(stderr, name);
  t.notMatch(stderr, /sesame|at .*\.js:/, 'neither values nor a stack');
  t.equal(stdout, '');
});
