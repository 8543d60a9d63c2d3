import t from 'tap';
import type { BaseInfo } from '../base/base-info.js';
import { LORA_SETTINGS } from '../index.js';
import type { FitState } from '../thread/protocol.js';
import { trainLora } from './train-lora.js';
import type { FitRequest } from './trainer.js';

const hiddenSize = 4;
const rows = 12;
const parameter = { group: 'head', decay: false, initial: { kind: 'zeros' as const } };

t.test('where one fit fails, the others of its job are told to stop', async (t) => {
  const asked: FitRequest[] = [];
  const base = { hiddenSize, featureSize: hiddenSize, sites: [], sha256: 'base' } as unknown as BaseInfo;
  const outcome = trainLora(
    {
      base,
      trainer: {
        layout: async () => ({
          ...{ groups: ['head'], fixedSize: 0 },
          parameters: [
            { ...parameter, name: 'head/weight', shape: ['labels', hiddenSize] },
            { ...parameter, name: 'head/bias', shape: ['labels'] },
          ],
        }),
        async fit(request): Promise<FitState> {
          asked.push(request);
          if (asked.length === 2) throw new Error('a thread stopped');
          return new Promise((_, reject) => {
            request.signal?.addEventListener('abort', () => reject(request.signal?.reason));
          });
        },
      },
      run: async () => t.fail('nothing is asked of fits that did not end') as never,
      fitLinear: async (_, fits) =>
        fits.map(({ scored }) => ({
          weight: new Float32Array(2 * hiddenSize),
          bias: new Float32Array(2),
          scores: new Float64Array(2 * scored.length),
        })),
    },
    {
      trunk: Array.from({ length: rows }, () => ({
        ...{ tokens: 2, hidden: new Float32Array(2 * hiddenSize), pooled: new Float32Array() },
      })),
      features: new Float32Array(rows * hiddenSize),
      targets: {
        ...{ kind: 'classification', outputs: 2 },
        values: Float32Array.from({ length: 2 * rows }, (_, i) => (i % 4 === 0 || i % 4 === 3 ? 1 : 0)),
      },
      weights: new Float32Array(rows).fill(1),
      groups: Int32Array.from({ length: rows }, (_, row) => row),
      headL2: 1,
    },
    { settings: LORA_SETTINGS, seed: 1, dataSha256: 'data' },
  );
  await t.rejects(outcome, { message: 'a thread stopped' });
  t.equal(asked.length, LORA_SETTINGS.folds + 1);
  for (const { signal } of asked) t.match(signal, { aborted: true, reason: { message: 'a thread stopped' } });
});
