// The whole embedded system as a user starts it: a supervisor, Redis, API and worker as real processes, the real base.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createClient, Personalizer } from '@scion/sdk';
import { startRedis } from '@scion/testkit';
import { Redis } from 'ioredis';
import t from 'tap';

// Several starts of a system, and trainings, on whatever machine this is.
t.setTimeout(300_000);
const cli = fileURLToPath(new URL('../apps/cli/dist/index.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'scion-embedded-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

const port = await new Promise((done) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => done(port));
  });
});
const url = `http://127.0.0.1:${port}`;

function start(...extra) {
  return startWith({}, ...extra);
}

function startWith(env, ...extra) {
  const args = [cli, 'up', '--data', folder, '--port', String(port), ...extra];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const started = { child, output: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (part) => {
      started.output += part;
    });
  }
  started.ended = new Promise((done) => child.on('exit', (code, signal) => done(signal ?? code)));
  started.prints = async (text, times = 1) => {
    const deadline = Date.now() + 90_000;
    while (started.output.split(text).length <= times) {
      if (child.exitCode !== null || Date.now() > deadline)
        throw new Error(`never printed «${text}»:\n${started.output}`);
      await sleep(20);
    }
  };
  return started;
}

/** Pids of the processes whose command line or working files name this test's folder or port. */
function processesOf(parent) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return (
          readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`SCION_DATA=${folder}`) &&
          pid !== String(parent)
        );
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** The Redis of this test's folder: it has written over its environment, and works in the folder. */
function redisOf() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`) === join(folder, 'redis');
      } catch {
        return false;
      }
    })
    .map(Number);
}

async function untilGone(pids) {
  const deadline = Date.now() + 30_000;
  const alive = () =>
    pids.filter((pid) => {
      try {
        process.kill(pid, 0);
        return true;
      } catch {
        return false;
      }
    });
  while (alive().length > 0 && Date.now() < deadline) await sleep(50);
  return alive();
}

t.test(
  'two users with opposite tastes get opposite models over one base, and everything outlives the processes',
  async (t) => {
    const first = start('--demo');
    t.teardown(() => first.child.kill('SIGKILL'));
    await first.prints('serving; Ctrl-C stops everything');
    const table = first.output.split('own model says')[1];
    const rows = table.split('\n').filter((line) => /\b(like|dislike) \d+ %/.test(line));
    t.equal(rows.length, 4, 'one line a headline');
    for (const row of rows) {
      const labels = [...row.matchAll(/\b(like|dislike) \d+ %/g)].map(([, label]) => label);
      t.same([...labels].sort(), ['dislike', 'like'], `the two readers disagree: ${row.trim()}`);
    }
    t.match(first.output, /adapter \d+ bytes/);
    t.match(first.output, /Adapter cache holds 2 adapters/);
    const curl = /users\/([^/]+)\/predict[\s\S]*?Bearer (\S+?)'[\s\S]*?-d '(.*)'/.exec(first.output);
    const ask = async () => {
      const response = await fetch(`${url}/v1/tasks/headlines/users/${curl[1]}/predict`, {
        method: 'POST',
        headers: { authorization: `Bearer ${curl[2]}`, 'content-type': 'application/json' },
        body: curl[3],
      });
      return { status: response.status, body: await response.json() };
    };
    const answer = await ask();
    t.equal(answer.status, 200, 'the printed curl works as it stands');
    t.equal(answer.body.version, 1);

    const line = (...args) =>
      spawnSync(process.execPath, [cli, ...args], {
        encoding: 'utf8',
        env: { PATH: process.env.PATH, SCION_DATA: folder, SCION_TENANT: 'Demo' },
      });
    const trained = line('train', 'headlines', 'gardener@example.com', '--watch');
    t.match(trained.stdout, /^fold 1 of 5 {2}step \d+ {2}loss [\d.]+ {2}validation [\d.]+$/m);
    t.match(
      trained.stdout,
      /^version \d+ (is live|was kept back) after /m,
      'the command line finds the system',
    );
    const asked = line('predict', 'headlines', 'gardener@example.com', 'Pruning old roses', '--json');
    t.match(JSON.parse(asked.stdout), { label: 'like', source: 'model' });
    t.match(line('doctor'), { status: 0, stdout: /✓ base .*\n[\s\S]*1 worker[\s\S]*all is well\n$/ });
    const measured = JSON.parse(line('bench', '--seconds', '0.3', '--concurrency', '2', '--json').stdout);
    t.ok(measured.rows[0].requests > 0 && measured.jobToLiveSeconds > 0, 'bench measures and clears up');
    t.notMatch(line('task', 'list').stdout, /bench-/);

    const operator = createClient({
      baseUrl: url,
      apiKey: readFileSync(join(folder, 'operator-key'), 'utf8').trim(),
    });
    const client = operator.withTenant((await operator.tenants.create({ name: 'Notebook' })).id);
    await client.tasks.put('taste', {});
    const model = new Personalizer({ client, task: 'taste', user: 'ada', method: 'head' });
    const texts = [
      'Pruning',
      'Grafting',
      'Mulching',
      'Weeding',
      'Compiling',
      'Linking',
      'Debugging',
      'Caching',
    ];
    const labels = texts.map((_, at) => (at < 4 ? 'garden' : 'code'));
    const history = await model.fit(texts, labels);
    t.match(history, { version: 1, method: 'head', stopped: null });
    t.ok(history.metrics.length > 0, 'the estimator follows the curves of its job');
    t.equal(await model.score(texts, labels), 1);
    await client.examples.append('taste', 'ada', [{ id: 'a-click', input: 'Refactoring', label: 'code' }]);
    await t.rejects(
      model.fit(texts, labels),
      { code: 'examples_exist' },
      'what others stored is not deleted',
    );
    const { scores, mean } = await model.crossValidate(texts, labels, { folds: 2 });
    t.ok(scores.length === 2 && scores.every((score) => score >= 0 && score <= 1));
    t.equal(mean, (scores[0] + scores[1]) / 2, 'each fold was judged by a job of its own');
    const searcher = new Personalizer({ client, task: 'taste', user: 'grid' });
    const grid = { method: ['head'], seed: [1, 2] };
    const { results, best, history: fitted } = await searcher.gridSearch(grid, texts, labels, { folds: 2 });
    t.equal(results.length, 2, 'every combination was tried');
    t.same(best, results[0].params);
    t.match(fitted, { version: 1, method: 'head' }, 'and the best was fitted on all rows');
    await client.users.erase('grid');
    t.equal((await client.models.list({ task: 'taste' })).data.length, 1, 'folds leave no users behind');

    const second = start();
    t.equal(await second.ended, 2, 'a second start refuses');
    t.match(second.output, `already running at ${url}`);

    const children = processesOf(first.child.pid);
    t.ok(children.length >= 2, 'the api and the worker are processes of their own');
    first.child.kill('SIGINT');
    t.equal(await first.ended, 0, 'Ctrl-C ends it cleanly');
    t.match(first.output, /stopped\n$/);
    t.same(await untilGone(children), [], 'no child is left behind');

    const again = start('--demo');
    t.teardown(() => again.child.kill('SIGKILL'));
    await again.prints('serving; Ctrl-C stops everything');
    t.notMatch(again.output, /clicks,/, 'nothing is trained a second time');
    t.same((await ask()).body.predictions, answer.body.predictions, 'the same model answers the same');
    const orphans = processesOf(again.child.pid);
    again.child.kill('SIGKILL');
    await again.ended;
    t.same(await untilGone(orphans), [], 'children of a killed supervisor end by themselves');

    const third = start();
    t.teardown(() => third.child.kill('SIGKILL'));
    await third.prints('serving; Ctrl-C stops everything');
    t.same(
      (await ask()).body.predictions,
      answer.body.predictions,
      'a start after a kill takes over its Redis',
    );
    third.child.kill('SIGTERM');
    t.equal(await third.ended, 0);
  },
);

t.test(
  'on another base the demo trains its readers again, and one that fails ends nothing but itself',
  async (t) => {
    const int8 = join(folder, 'bases/all-MiniLM-L6-v2-int8');
    const other = startWith({ SCION_TRUNK: 'int8' }, '--demo');
    t.teardown(() => other.child.kill('SIGKILL'));
    await other.prints('serving; Ctrl-C stops everything');
    t.match(other.output, 'belong to another base than all-MiniLM-L6-v2-int8');
    t.equal(other.output.match(/clicks, trained in [\d.]+ s; version \d+ live/g)?.length, 2);
    t.match(other.output, /own model says[\s\S]*Ask one yourself/, 'and they answer');

    const { apiKey } = JSON.parse(readFileSync(join(folder, 'demo.json'), 'utf8'));
    const client = createClient({ baseUrl: url, apiKey });
    t.equal((await client.tasks.get('headlines')).base, 'all-MiniLM-L6-v2-int8');
    // As somebody may who tries things out.
    await client.tasks.delete('headlines');
    await client.tasks.put('headlines', { kind: 'multilabel' });
    other.child.kill('SIGTERM');
    t.equal(await other.ended, 0);

    const failing = startWith({ SCION_BASE: int8 }, '--demo');
    t.teardown(() => failing.child.kill('SIGKILL'));
    await failing.prints('serving; Ctrl-C stops everything');
    t.match(failing.output, 'the demo failed: The task cannot change in this way: `kind` of a task');
    t.equal((await fetch(`${url}/health/ready`)).status, 200);
    failing.child.kill('SIGTERM');
    t.equal(await failing.ended, 0);
  },
);

t.test(
  'SCION_BASE and SCION_THREADS say what serves, and a base that cannot be had ends the start',
  async (t) => {
    const [float32, spare] = [join(folder, 'bases/all-MiniLM-L6-v2'), join(folder, 'spare')];
    // As `scion base add --out` leaves it; its name is that of the other.
    renameSync(float32, spare);
    const started = startWith({ SCION_BASE: spare, SCION_THREADS: '1' });
    t.teardown(() => started.child.kill('SIGKILL'));
    await started.prints('serving; Ctrl-C stops everything');
    t.notMatch(started.output, 'converted to ONNX');
    t.notOk(existsSync(float32), 'the default base is left alone');
    const apiKey = readFileSync(join(folder, 'operator-key'), 'utf8').trim();
    t.match(await createClient({ baseUrl: url, apiKey }).system.get(), {
      ...{ threads: 1, base: { name: 'all-MiniLM-L6-v2' } },
    });
    started.child.kill('SIGTERM');
    t.equal(await started.ended, 0);

    const missing = startWith({ SCION_BASE: float32 });
    t.teardown(() => missing.child.kill('SIGKILL'));
    t.equal(await missing.ended, 2);
    t.match(missing.output, /all-MiniLM-L6-v2 holds no registered base/);
    const another = startWith({ SCION_BASE: spare, SCION_TRUNK: 'int8' });
    t.teardown(() => another.child.kill('SIGKILL'));
    t.equal(await another.ended, 2);
    t.match(another.output, /is registered with a trunk in float32/);
    renameSync(spare, float32);
  },
);

/** A development server as some are: it answers 200 to whatever it is asked. Counts what it was asked. */
async function startStranger(t) {
  const stranger = { asked: 0 };
  const server = createHttpServer((_, response) => {
    stranger.asked++;
    response.end('{}');
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  stranger.close = () => new Promise((done) => server.close(done));
  t.teardown(stranger.close);
  return stranger;
}

/** Environment in which the API's process does nothing until `open` is called, and each first runs `more`. */
function heldApi(more = '') {
  const gate = join(folder, `gate-${Math.random()}`);
  const hook = `${gate}.mjs`;
  writeFileSync(
    hook,
    `import { existsSync } from 'node:fs';
    if (process.argv[1]?.endsWith('api/dist/main.js'))
      while (!existsSync(${JSON.stringify(gate)})) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    ${more}`,
  );
  return { env: { NODE_OPTIONS: `--import=${pathToFileURL(hook)}` }, open: () => writeFileSync(gate, '') };
}

t.test(
  'a port that another program listens on ends the start, and that program is sent nothing',
  async (t) => {
    const stranger = await startStranger(t);
    const refused = start('--demo');
    t.teardown(() => refused.child.kill('SIGKILL'));
    t.equal(await refused.ended, 2);
    t.match(refused.output, `another program listens on port ${port}`);
    t.match(refused.output, '--port (or SCION_PORT)');
    t.equal(stranger.asked, 0);
  },
);

t.test('who takes the port while the API loads is not taken for it, nor sent the operator key', async (t) => {
  const api = heldApi();
  const started = startWith(api.env);
  t.teardown(() => started.child.kill('SIGKILL'));
  await started.prints('starting the API and a worker');
  const stranger = await startStranger(t);
  api.open();
  await started.prints('api ended (exit code 1)');
  t.notMatch(started.output, /serving/);
  t.equal(stranger.asked, 0);
  await stranger.close();
  await started.prints('serving; Ctrl-C stops everything');
  started.child.kill('SIGTERM');
  t.equal(await started.ended, 0);
});

t.test(
  'an API that does not become ready ends the start in time, whatever memory is collected meanwhile',
  async (t) => {
    // A minute of the supervisor’s timers is two seconds here, and its memory is collected all the while.
    const { env } = heldApi(`
    import { setFlagsFromString } from 'node:v8';
    import { runInNewContext } from 'node:vm';
    if (process.argv[2] === 'up') {
      const { setTimeout } = globalThis;
      globalThis.setTimeout = (act, ms, ...more) => setTimeout(act, ms / 30, ...more);
      const timeout = AbortSignal.timeout.bind(AbortSignal);
      AbortSignal.timeout = (ms) => timeout(ms / 30);
      setFlagsFromString('--expose-gc');
      setInterval(runInNewContext('gc'), 500).unref();
    }`);
    const held = startWith(env);
    t.teardown(() => held.child.kill('SIGKILL'));
    await held.prints('the API did not become ready within 60 s (see ');
    t.equal(await held.ended, 1);
  },
);

t.test(
  'an API that indexes what is stored is waited for, however long that takes, and then serves',
  async (t) => {
    const redis = await startRedis();
    t.teardown(() => redis.close());
    const client = new Redis(redis.connect());
    t.teardown(() => client.disconnect());
    // Whoever does not get this lock waits for the one that restores the indexes.
    const lock = '{scion}:lock:rebuild';
    await client.set(lock, 'another process');
    // Twenty seconds of the supervisor’s timers are a minute.
    const hook = join(folder, 'hasty.mjs');
    writeFileSync(
      hook,
      `if (process.argv[2] === 'up')
        for (const name of ['setTimeout', 'setInterval']) {
          const set = globalThis[name];
          globalThis[name] = (act, ms, ...more) => set(act, ms / 3, ...more);
        }`,
    );
    const env = { NODE_OPTIONS: `--import=${pathToFileURL(hook)}`, REDIS_URL: redis.path };
    const started = startWith(env);
    t.teardown(() => started.child.kill('SIGKILL'));
    // By the third time a minute has passed since the first.
    await started.prints('the API indexes what is stored', 3);
    t.notMatch(started.output, /serving/);
    t.equal((await fetch(`${url}/health/live`)).status, 200);
    t.equal((await fetch(`${url}/health/ready`)).status, 503);
    await client.del(lock);
    await started.prints('serving; Ctrl-C stops everything');
    t.notMatch(started.output, / ended /, 'by the same process');
    started.child.kill('SIGTERM');
    t.equal(await started.ended, 0);
  },
);

t.test('a terminal that is closed stops the system as Ctrl-C does, and leaves nothing behind', async (t) => {
  const started = start();
  t.teardown(() => started.child.kill('SIGKILL'));
  await started.prints('serving; Ctrl-C stops everything');
  const children = [...processesOf(started.child.pid), ...redisOf()];
  t.equal(children.length, 3, 'API, worker and Redis');
  // Nobody reads any more, and a shell may hang up on what the terminal has hung up on.
  started.child.stdout.destroy();
  started.child.stderr.destroy();
  started.child.kill('SIGHUP');
  started.child.kill('SIGHUP');
  t.equal(await started.ended, 'SIGHUP');
  t.same(await untilGone(children), []);
});

t.test(
  'a stop while the API loads, or while the demo trains, ends the start as it would end what serves',
  async (t) => {
    const held = startWith(heldApi().env, '--demo');
    t.teardown(() => held.child.kill('SIGKILL'));
    await held.prints('starting the API and a worker');
    held.child.kill('SIGINT');
    t.equal(await held.ended, 0);
    t.match(held.output, /stopping \(press again to leave at once\)\n.*stopped\n$/);
    t.notMatch(held.output, /serving| at .*\.js/);

    // As a full disk once left it. The tenant is then another one, so that there is something to train.
    writeFileSync(join(folder, 'demo.json'), '{"tenantId":"ten_');
    const training = start('--demo');
    t.teardown(() => training.child.kill('SIGKILL'));
    await training.prints('Two readers, one frozen base');
    training.child.kill('SIGTERM');
    t.equal(await training.ended, 0);
    t.match(training.output, /stopped\n$/);
    t.notMatch(training.output, /serving; | at .*\.js/);
  },
);
