import t from 'tap';
import { type Checkpoint, type CheckpointKey, decodeCheckpoint, encodeCheckpoint } from './checkpoint.js';
import { LORA_SETTINGS } from './recipe.js';

const key: CheckpointKey = {
  ...{ settings: LORA_SETTINGS, seed: 1, baseSha256: 'f'.repeat(64), dataSha256: 'd' },
};
const stateOf = (step: number) => ({
  step,
  parameters: Float32Array.of(step, 0.1),
  firstMoment: Float32Array.of(-1, step),
  secondMoment: Float32Array.of(2, 1e-9),
});
const early: Checkpoint = { leg: 1, states: [3, 3, 6].map(stateOf), best: undefined, stale: 0 };
const late: Checkpoint = {
  ...early,
  ...{ leg: 4, stale: 1 },
  best: {
    ...{ epoch: 3, loss: 0.25, scores: Float64Array.of(0.5, -0.5) },
    parameters: [7, 8, 9].map((value) => Float32Array.of(value, -value)),
  },
};

t.test('what a run had come to is read again, before and after anything was judged', async (t) => {
  for (const at of [early, late]) t.strictSame(decodeCheckpoint(encodeCheckpoint(at, key), key), at);
});

t.test('it is of use to the very same work alone', async (t) => {
  const bytes = encodeCheckpoint(late, key);
  const others: Partial<CheckpointKey>[] = [
    { settings: { ...LORA_SETTINGS, epochs: 6 } },
    { seed: 2 },
    { baseSha256: '0'.repeat(64) },
    { dataSha256: 'e' },
    { startSha256: 'a' },
  ];
  for (const other of others)
    t.equal(decodeCheckpoint(bytes, { ...key, ...other }), undefined, JSON.stringify(other));
  t.equal(decodeCheckpoint(bytes.slice(0, 300), key), undefined, 'cut short');
});
