import { AppError, type ModelVersion } from '@scion/contracts';
import type { Engine } from '@scion/engine';
import t, { type Test } from 'tap';
import { askLive } from './ask-live.js';

const ref = { tenantId: 'ten_a', task: 'mail', user: 'ada', jobId: 'job_b' };
const example = { id: '1', input: 'text', label: 'like', weight: 1, createdAt: '2026-01-02T00:00:00.000Z' };
const card = { jobId: 'job_a', baseSha256: 'base', createdAt: '2026-01-01T00:00:00.000Z' };

/** Asks the version live before the job of its one example. */
const ask = (t: Test, predict: Engine['predict'], signal: AbortSignal) =>
  askLive(
    {
      models: {
        live: async () => ({ version: 1, card }) as ModelVersion,
        history: async () => [],
        version: async () => t.fail('nothing else was live') as never,
      },
      engine: { base: { sha256: 'base' } as never, predict },
    },
    ref,
    { kind: 'classification', examples: [example], signal },
  );

t.test('a job that is stopped does not wait for what the live version says', async (t) => {
  const abort = new AbortController();
  const asked = ask(
    t,
    (_key, _texts, { signal } = {}) =>
      new Promise((_, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason));
        abort.abort(new Error('stopped'));
        reject(new Error('it went on'));
      }),
    abort.signal,
  );
  await t.rejects(asked, { message: 'stopped' });
});

t.test('a job asks the live version as a job, so that it is never refused as a caller is', async (t) => {
  const answer = { labels: ['like', 'dislike'], probabilities: Float32Array.of(0.25, 0.75) };
  const predict: Engine['predict'] = async (_key, _texts, { bulk = false } = {}) => {
    if (!bulk) throw new AppError('overloaded', 'Callers wait already.');
    return answer;
  };
  t.match(await ask(t, predict, new AbortController().signal), { rows: [0], labels: answer.labels });
});
