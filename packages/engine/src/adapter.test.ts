import { AppError, type Card, type ModelRef } from '@scion/contracts';
import fc from 'fast-check';
import t from 'tap';
import { adapterWeight, decodeAdapter, encodeAdapter } from './index.js';
import { readSafetensors, writeSafetensors } from './safetensors.js';

const metrics = { accuracy: 0.75, macroF1: 0.7, logLoss: 0.5, rows: 8 };
const baseSha256 = 'b'.repeat(64);
const owner: ModelRef = { tenantId: 'ten_01aryz6s41tsv4rrffq69g5fav', task: 'triage', user: 'ada' };
const card: Card = {
  task: 'triage',
  version: 3,
  jobId: 'job_01aryz6s41tsv4rrffq69g5fav',
  createdAt: '2026-11-23T20:15:00.000Z',
  method: 'head',
  labels: ['like', 'ünlike'],
  examples: 8,
  examplesPerLabel: { like: 4, ünlike: 4 },
  baseSha256,
  dataSha256: 'd'.repeat(64),
  recipe: { l2: 3, folds: 4, seed: 1, temperature: 1.25 },
  seconds: { embed: 0.1, fit: 0.01 },
  gate: { promoted: true, reason: 'better', candidate: metrics, majority: metrics, live: null },
};
const featureSize = 5;
const weight = Float32Array.from({ length: 10 }, (_, i) => (i - 5) / 8);
const bias = Float32Array.of(0.1, -0.1);
const expected = { baseSha256, featureSize, owner };
const { bytes, sha256 } = encodeAdapter({ weight, bias, card, owner });

/** Rewrites the container after a change, as an attacker without the hashes could. */
function tampered(change: (file: ReturnType<typeof readSafetensors>) => void): Uint8Array {
  const file = readSafetensors(bytes.slice());
  change(file);
  return writeSafetensors(file.tensors, file.metadata);
}

t.test('an adapter is read back as it was written, its weight rounded to halves', async (t) => {
  const read = decodeAdapter(bytes, { ...expected, sha256, version: 3 });
  t.strictSame(read.card, card);
  t.strictSame(read.labels, card.labels);
  t.strictSame(adapterWeight(read), weight, 'these values are halves');
  t.strictSame(read.bias, bias);
  t.equal(read.sha256, sha256);
  t.equal(read.bytes, bytes.byteLength);
});

t.test('equal input gives equal bytes', async (t) => {
  t.equal(encodeAdapter({ weight, bias, card, owner }).sha256, sha256);
});

const refusals: [string, () => unknown, string][] = [
  ['another base', () => decodeAdapter(bytes, { ...expected, baseSha256: 'c'.repeat(64) }), 'base_mismatch'],
  ['another hash', () => decodeAdapter(bytes, { ...expected, sha256: 'c'.repeat(64) }), 'artifact_invalid'],
  ['another width', () => decodeAdapter(bytes, { ...expected, featureSize: 6 }), 'artifact_invalid'],
  ['another version', () => decodeAdapter(bytes, { ...expected, version: 4 }), 'artifact_invalid'],
  [
    'another tenant',
    () => decodeAdapter(bytes, { ...expected, owner: { ...owner, tenantId: 'ten_x' } }),
    'artifact_invalid',
  ],
  [
    'another user',
    () => decodeAdapter(bytes, { ...expected, owner: { ...owner, user: 'eve' } }),
    'artifact_invalid',
  ],
  [
    'another task',
    () => decodeAdapter(bytes, { ...expected, owner: { ...owner, task: 'spam' } }),
    'artifact_invalid',
  ],
  [
    'names that run together into the owner’s',
    () => decodeAdapter(bytes, { ...expected, owner: { ...owner, task: 'tria', user: 'geada' } }),
    'artifact_invalid',
  ],
  ['no bytes', () => decodeAdapter(new Uint8Array(0), expected), 'artifact_invalid'],
  [
    'another format',
    () =>
      decodeAdapter(
        tampered((file) => file.metadata.set('scion.format', 'x')),
        expected,
      ),
    'artifact_invalid',
  ],
  [
    'a changed weight',
    () =>
      decodeAdapter(
        tampered((file) => file.tensors.get('head.weight')!.data.fill(1, 0, 1)),
        expected,
      ),
    'artifact_invalid',
  ],
  [
    'a changed card',
    () =>
      decodeAdapter(
        tampered((file) => file.metadata.set('scion.card', JSON.stringify({ ...card, examples: 9 }))),
        expected,
      ),
    'artifact_invalid',
  ],
  [
    'a further tensor',
    () =>
      decodeAdapter(
        tampered((file) => file.tensors.set('x', { dtype: 'U8', shape: [0], data: new Uint8Array(0) })),
        expected,
      ),
    'artifact_invalid',
  ],
  [
    'a weight beyond a half’s range',
    () => encodeAdapter({ weight: weight.map(() => 1e6), bias, card, owner }),
    'training_failed',
  ],
  [
    'a bias that is not a number',
    () => encodeAdapter({ weight, bias: Float32Array.of(Number.NaN, 0), card, owner }),
    'training_failed',
  ],
];
for (const [what, attempt, code] of refusals)
  t.test(`refused: ${what}`, async (t) => {
    t.throws(attempt, { name: 'AppError', code });
  });

t.test('a mutated file gives the same content or an AppError, with and without its hash', async (t) => {
  const original = decodeAdapter(bytes, expected);
  const mutation = fc.oneof(
    fc.record({ at: fc.nat(bytes.length - 1), value: fc.nat(255) }).map(({ at, value }) => {
      const copy = bytes.slice();
      copy[at] = value;
      return copy;
    }),
    fc.nat(bytes.length - 1).map((length) => bytes.slice(0, length)),
    fc.uint8Array({ minLength: 1, maxLength: 9 }).map((more) => Buffer.concat([bytes, more])),
    fc
      .tuple(fc.nat(bytes.length - 1), fc.nat(20))
      .map(([at, count]) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + count)])),
  );
  let refused = 0;
  fc.assert(
    fc.property(mutation, fc.boolean(), (file, withHash) => {
      try {
        const { sha256: _, ...read } = decodeAdapter(file, withHash ? { ...expected, sha256 } : expected);
        const { sha256: __, ...whole } = original;
        t.strictSame({ ...read, bytes: 0 }, { ...whole, bytes: 0 });
      } catch (error) {
        refused += 1;
        return error instanceof AppError;
      }
      return true;
    }),
    { numRuns: 2_000 },
  );
  t.ok(refused > 1_000, 'most mutations are refused');
});
