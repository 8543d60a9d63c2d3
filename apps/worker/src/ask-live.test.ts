import type { ModelVersion } from '@scion/contracts';
import t from 'tap';
import { askLive } from './ask-live.js';

t.test('a job that is stopped does not wait for what the live version says', async (t) => {
  const ref = { tenantId: 'ten_a', task: 'mail', user: 'ada', jobId: 'job_b' };
  const example = { id: '1', input: 'text', label: 'like', weight: 1, createdAt: '2026-01-02T00:00:00.000Z' };
  const card = { jobId: 'job_a', baseSha256: 'base', createdAt: '2026-01-01T00:00:00.000Z' };
  const abort = new AbortController();
  const asked = askLive(
    {
      models: {
        live: async () => ({ version: 1, card }) as ModelVersion,
        history: async () => [],
        version: async () => t.fail('nothing else was live') as never,
      },
      engine: {
        base: { sha256: 'base' } as never,
        predict: (_key, _texts, { signal } = {}) =>
          new Promise((_, reject) => {
            signal?.addEventListener('abort', () => reject(signal.reason));
            abort.abort(new Error('stopped'));
            reject(new Error('it went on'));
          }),
      },
    },
    ref,
    { kind: 'classification', examples: [example], signal: abort.signal },
  );
  await t.rejects(asked, { message: 'stopped' });
});
