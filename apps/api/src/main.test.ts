import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startRedis } from '@scion/testkit';
import { Redis } from 'ioredis';
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

t.test(
  'API and worker end when told to, or left alone, also while a Redis keeps them from starting',
  async (t) => {
    const silent = createServer(() => reached());
    let reached = () => {};
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const folder = await mkdtemp(join(tmpdir(), 'scion-main-'));
    t.teardown(async () => {
      silent.close();
      await rm(folder, { recursive: true });
    });
    const env = {
      ...{ PATH: process.env.PATH ?? '', SCION_DATA: folder, SCION_BASE: folder },
      REDIS_URL: `redis://127.0.0.1:${port}`,
    };
    const worker = fileURLToPath(new URL('../../worker/dist/main.js', import.meta.url));
    for (const [entry, end] of [
      [main, (child: ChildProcess) => child.kill('SIGTERM')],
      [main, (child: ChildProcess) => child.disconnect()],
      [worker, (child: ChildProcess) => child.kill('SIGTERM')],
    ] as const) {
      const connected = new Promise<void>((done) => (reached = done));
      const child = spawn(process.execPath, [entry], { env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
      const exited = once(child, 'exit');
      await Promise.race([connected, exited]);
      end(child);
      t.same(await exited, [0, null]);
    }
  },
);

t.test('the password that Redis refuses is not in the log', async (t) => {
  const redis = await startRedis();
  const operator = new Redis(redis.connect());
  const folder = await mkdtemp(join(tmpdir(), 'scion-main-'));
  t.teardown(async () => {
    operator.disconnect();
    await redis.close();
    await rm(folder, { recursive: true });
  });
  await operator.config('SET', 'requirepass', 'another');
  const env = {
    ...{ PATH: process.env.PATH ?? '', SCION_DATA: folder, SCION_BASE: folder },
    REDIS_URL: `${redis.url}?password=sesame`,
  };
  const api = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const refused = new Promise<void>((done) => {
    for (const stream of [api.stdout, api.stderr]) {
      stream.on('data', (part: Buffer) => {
        said += part;
        if (said.includes('WRONGPASS')) done();
      });
    }
  });
  const exited = once(api, 'exit');
  await Promise.race([refused, exited]);
  api.kill();
  await exited;
  t.match(said, 'WRONGPASS');
  t.notMatch(said, 'sesame');
});
