import t from 'tap';
import { createThreadPool } from './pool.js';
import type { RowAnswer } from './protocol.js';

const entry = new URL('../testing/stub-thread.js', import.meta.url);

function setup(failFrom = 1_000) {
  const starts = new SharedArrayBuffer(4);
  return { starts, failFrom, started: () => Atomics.load(new Int32Array(starts), 0) };
}
/** Resolves when the pool next says that a thread is idle. */
function idleSignal() {
  let wake: () => void = () => {};
  return {
    onIdle: () => wake(),
    next: () =>
      new Promise<void>((resolve) => {
        wake = resolve;
      }),
  };
}
const features = (text: string) => ({
  kind: 'rows' as const,
  rows: [{ input: text, answer: 'features' as const }],
});
const lengthOf = ([{ values }]: RowAnswer[]) => values[0];

t.test('work goes to idle threads, and each answers its own', async (t) => {
  const { starts, failFrom } = setup();
  const pool = await createThreadPool({ size: 2, entry, setup: { starts, failFrom }, onIdle: () => {} });
  t.equal(pool.idle(), 2);
  t.equal(pool.provider, 'cuda');
  const both = [pool.run(features('a')), pool.run(features('bcd'))];
  t.equal(pool.idle(), 0);
  t.throws(() => pool.run(features('x')), /no thread is idle/);
  t.strictSame((await Promise.all(both)).map(lengthOf), [1, 3]);
  t.equal(pool.idle(), 2);
  await pool.close();
});

t.test('a failure rejects its call without the thread’s words, and the thread goes on', async (t) => {
  const { starts, failFrom } = setup();
  const pool = await createThreadPool({ size: 1, entry, setup: { starts, failFrom }, onIdle: () => {} });
  await t.rejects(pool.run(features('fail')), { code: 'internal', detail: 'Inference failed.' });
  t.equal(lengthOf(await pool.run(features('ok'))), 2);
  await pool.close();
});

t.test('work that cannot be given to a thread rejects, and the thread goes on', async (t) => {
  const { starts, failFrom } = setup();
  const pool = await createThreadPool({ size: 1, entry, setup: { starts, failFrom }, onIdle: () => {} });
  t.teardown(() => pool.close());
  const uncopied = (() => {}) as unknown as string;
  await t.rejects(pool.run(features(uncopied)), { name: 'DataCloneError' });
  t.equal(pool.idle(), 1);
  t.equal(lengthOf(await pool.run(features('ok'))), 2);
});

t.test('a failure that has a code keeps it, so that nobody repeats what fails each time', async (t) => {
  const { starts, failFrom } = setup();
  const pool = await createThreadPool({ size: 1, entry, setup: { starts, failFrom }, onIdle: () => {} });
  await t.rejects(pool.run(features('refuse')), {
    ...{ code: 'base_untrainable', detail: 'public detail', retryable: false },
    cause: { message: 'private detail' },
  });
  await pool.close();
});

t.test('a crash rejects the call as retryable, and another thread takes the place', async (t) => {
  const { starts, failFrom, started } = setup();
  const idle = idleSignal();
  const crashes: string[] = [];
  const pool = await createThreadPool({
    size: 1,
    entry,
    setup: { starts, failFrom },
    onIdle: idle.onIdle,
    onCrash: ({ message }) => crashes.push(message),
  });
  const back = idle.next();
  await t.rejects(pool.run(features('crash')), { name: 'AppError', code: 'internal', retryable: true });
  await back;
  t.strictSame(crashes, ['crashed']);
  t.equal(started(), 2);
  t.equal(lengthOf(await pool.run(features('four'))), 4);
  await pool.close();
});

t.test('a pool whose thread cannot start says why and leaves none behind', async (t) => {
  const { starts, failFrom } = setup(1);
  await t.rejects(createThreadPool({ size: 3, entry, setup: { starts, failFrom }, onIdle: () => {} }), {
    message: 'will not start',
  });
});

t.test('closing ends threads that wait to be started again', async (t) => {
  const { starts, failFrom, started } = setup(1);
  const failed = new Promise<void>((resolve) => {
    let crashes = 0;
    createThreadPool({
      size: 1,
      entry,
      setup: { starts, failFrom },
      onIdle: () => {},
      onCrash: () => {
        crashes += 1;
        if (crashes === 2) resolve();
      },
    }).then(async (pool) => {
      pool.run(features('crash')).catch(() => {});
      await failed;
      await pool.close();
      t.equal(started(), 2);
      done();
    });
  });
  let done = () => {};
  await new Promise<void>((resolve) => {
    done = resolve;
  });
});
