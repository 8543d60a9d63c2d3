import { AppError, type Card, type ModelRef } from '@scion/contracts';
import fc from 'fast-check';
import t from 'tap';
import { decodeFloat16, encodeFloat16 } from '../float16.js';
import { decodeAdapter, encodeAdapter, rebindAdapter } from '../index.js';
import { readSafetensors, type SafeTensor, writeSafetensors } from '../safetensors.js';
import { contentHash } from './format.js';

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
const sites = [0, 1].flatMap((layer) =>
  ['query', 'value'].map((target) => ({
    name: `layer.${layer}.attention.${target}`,
    module: `encoder.layer.${layer}.attention.self.${target}`,
    ...{ layer, target, inFeatures: 3, outFeatures: 4 },
  })),
);
const base = { sha256: baseSha256, featureSize, sites };
const expected = { base, owner };
const plain = encodeAdapter({ weight, bias, card, owner });

/** On the upper of two layers; all its numbers are halves. */
const loraCard: Card = {
  ...card,
  method: 'lora',
  recipe: { ...card.recipe, lora: { rank: 2, alpha: 4, layers: [1], targets: ['query', 'value'] } },
};
const lora = sites.slice(2).map((site, at) => ({
  site,
  a: Float32Array.from({ length: 6 }, (_, i) => (i + at) / 4),
  b: Float32Array.from({ length: 8 }, (_, i) => (i - at) / 8),
}));
const { bytes, sha256, card: sealed } = encodeAdapter({ weight, bias, card: loraCard, lora, owner });

/** Rewrites the container after a change, as an attacker without the hashes could. */
function tampered(change: (file: ReturnType<typeof readSafetensors>) => void): Uint8Array {
  const file = readSafetensors(bytes.slice());
  change(file);
  return writeSafetensors(file.tensors, file.metadata);
}

t.test('an adapter is read back as it was written, its weight rounded to halves', async (t) => {
  const read = decodeAdapter(plain.bytes, { ...expected, sha256: plain.sha256, version: 3 });
  t.strictSame(read.card, { ...card, weightsSha256: plain.card.weightsSha256 });
  t.strictSame(read.labels, card.labels);
  t.strictSame(decodeFloat16(read.head.weight), weight, 'these values are halves');
  t.strictSame(Float32Array.from(read.head.bias), bias);
  t.equal(read.lora, undefined);
  t.equal(read.sha256, plain.sha256);
  t.ok(read.bytes >= 2 * weight.length + 4 * bias.length);
});

t.test(
  'low-rank matrices come back per site, scaled by alpha / rank, zeros where none was trained',
  async (t) => {
    const read = decodeAdapter(bytes, { ...expected, sha256 });
    t.equal(read.lora?.rank, 2);
    const both = lora.flatMap(({ a, b }) => [...a, ...b.map((value) => value * 2)]);
    t.strictSame([...decodeFloat16(read.lora!.data)], [...Array<number>(28).fill(0), ...both]);
    t.strictSame(decodeFloat16(read.head.weight), weight);
  },
);

t.test('the tensors have the names and layout that Hugging Face PEFT reads', async (t) => {
  const { tensors } = readSafetensors(bytes);
  const { a } = lora[0];
  const stored = tensors.get('base_model.model.encoder.layer.1.attention.self.query.lora_A.weight')!;
  t.strictSame([stored.dtype, stored.shape], ['F16', [2, 3]]);
  t.strictSame(
    [...decodeFloat16(new Uint16Array(new Uint8Array(stored.data).buffer))],
    [a[0], a[2], a[4], a[1], a[3], a[5]],
  );
  t.strictSame(
    tensors.get('base_model.model.encoder.layer.1.attention.self.value.lora_B.weight')?.shape,
    [4, 2],
  );
});

/** Of values whose unit no half holds. */
const priceCard: Card = { ...card, kind: 'regression', labels: [], examplesPerLabel: {} };
const prices = { weight: weight.slice(0, 5), bias: Float32Array.of(-3e5) };
const priced = encodeAdapter({ ...prices, scale: 1.25e6, card: priceCard, owner });

t.test('a regression keeps its unit in float32, whatever its size', async (t) => {
  for (const scale of [1e-30, 1.5, 98_304, 2 ** 99]) {
    const own = encodeAdapter({ ...prices, scale, card: priceCard, owner });
    const { head } = decodeAdapter(own.bytes, { ...expected, sha256: own.sha256 });
    t.equal(head.scale, Math.fround(scale));
    t.strictSame(decodeFloat16(head.weight), prices.weight);
    t.strictSame(Float32Array.from(head.bias), prices.bias);
  }
  t.equal(decodeAdapter(plain.bytes, expected).head.scale, 1, 'labels have none');
});

t.test('a regression written before units were kept apart is read as it ever was', async (t) => {
  const old = forged(({ tensors }) => void tensors.delete('head.scale'), priceCard, priced.bytes);
  const { head } = decodeAdapter(old, expected);
  t.equal(head.scale, 1);
  t.strictSame(decodeFloat16(head.weight), prices.weight);
  t.strictSame(Float32Array.from(head.bias), prices.bias);
});

t.test('equal input gives equal bytes', async (t) => {
  t.equal(encodeAdapter({ weight, bias, card: loraCard, lora, owner }).sha256, sha256);
});

t.test('a card names its weights, whatever else it says and whoever owns them', (t) => {
  const named = plain.card.weightsSha256;
  t.match(named, /^[0-9a-f]{64}$/);
  const other = { ...card, version: 9, examples: 1 };
  t.equal(
    encodeAdapter({ weight, bias, card: other, owner: { ...owner, user: 'eve' } }).card.weightsSha256,
    named,
  );
  const moved = Float32Array.from(bias, (value) => value + 1);
  t.not(encodeAdapter({ weight, bias: moved, card, owner }).card.weightsSha256, named);
  t.end();
});

t.test('a card and matrices that do not fit together are not written', async (t) => {
  const short = [{ ...lora[0], a: new Float32Array(5) }, lora[1]];
  for (const wrong of [{ card, lora }, { card: loraCard }, { card: loraCard, lora: short }])
    t.throws(() => encodeAdapter({ weight, bias, owner, ...wrong }), TypeError);
  t.throws(() => encodeAdapter({ weight, bias, scale: 2, card, owner }), TypeError);
});

/** A file whose every hash is right, and whose content is not. */
function forged(
  change: (file: ReturnType<typeof readSafetensors>) => void,
  of = loraCard,
  from = bytes,
): Uint8Array {
  const file = readSafetensors(from.slice());
  change(file);
  file.metadata.set('scion.card', JSON.stringify(of));
  file.metadata.set('scion.content', contentHash(file.metadata, file.tensors));
  return writeSafetensors(file.tensors, file.metadata);
}
const withLora = (change: Partial<NonNullable<Card['recipe']['lora']>>): Card => ({
  ...loraCard,
  recipe: { ...loraCard.recipe, lora: { ...loraCard.recipe.lora!, ...change } },
});
const queryA = 'base_model.model.encoder.layer.1.attention.self.query.lora_A.weight';
const halves = (values: number[]) => new Uint8Array(encodeFloat16(values).buffer);
const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
/** The same, with another scale. */
const rescaled = (scale: SafeTensor, of: Card, from: Uint8Array) =>
  decodeAdapter(
    forged(({ tensors }) => void tensors.set('head.scale', scale), of, from),
    expected,
  );

const refusals: [string, () => unknown, string][] = [
  [
    'another base',
    () => decodeAdapter(bytes, { ...expected, base: { ...base, sha256: 'c'.repeat(64) } }),
    'base_mismatch',
  ],
  ['another hash', () => decodeAdapter(bytes, { ...expected, sha256: 'c'.repeat(64) }), 'artifact_invalid'],
  [
    'another width',
    () => decodeAdapter(bytes, { ...expected, base: { ...base, featureSize: 6 } }),
    'artifact_invalid',
  ],
  [
    'other weights than the card names',
    () =>
      decodeAdapter(
        forged(() => {}, { ...loraCard, weightsSha256: 'c'.repeat(64) }),
        expected,
      ),
    'artifact_invalid',
  ],
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
  [
    'a layer that the base keeps frozen',
    () =>
      decodeAdapter(
        forged(() => {}, withLora({ layers: [2] })),
        expected,
      ),
    'artifact_invalid',
  ],
  [
    'another rank than its card says',
    () =>
      decodeAdapter(
        forged(() => {}, withLora({ rank: 1 })),
        expected,
      ),
    'artifact_invalid',
  ],
  [
    'more layers in its card than in its tensors',
    () =>
      decodeAdapter(
        forged(() => {}, withLora({ layers: [0, 1] })),
        expected,
      ),
    'artifact_invalid',
  ],
  [
    'a low-rank matrix that is missing',
    () =>
      decodeAdapter(
        forged(({ tensors }) => void tensors.delete(queryA)),
        expected,
      ),
    'artifact_invalid',
  ],
  [
    'a low-rank matrix of another shape',
    () =>
      decodeAdapter(
        forged(({ tensors }) => {
          tensors.get(queryA)!.shape = [3, 2];
        }),
        expected,
      ),
    'artifact_invalid',
  ],
  [
    'a low-rank matrix that is not finite',
    () =>
      decodeAdapter(
        forged(({ tensors }) => {
          tensors.get(queryA)!.data = halves([1, 2, 3, 4, 5, Number.POSITIVE_INFINITY]);
        }),
        expected,
      ),
    'artifact_invalid',
  ],
  [
    'a scale that takes a low-rank matrix out of its range',
    () =>
      decodeAdapter(
        forged(() => {}, withLora({ alpha: 1e6 })),
        expected,
      ),
    'artifact_invalid',
  ],
  [
    'a card that calls it a head',
    () =>
      decodeAdapter(
        forged(() => {}, { ...loraCard, method: 'head' }),
        expected,
      ),
    'artifact_invalid',
  ],
  [
    'a scale that is not finite',
    () => rescaled({ dtype: 'F32', shape: [1], data: floats(Number.NaN) }, priceCard, priced.bytes),
    'artifact_invalid',
  ],
  [
    'a scale for each of several',
    () => rescaled({ dtype: 'F32', shape: [2], data: floats(1, 2) }, priceCard, priced.bytes),
    'artifact_invalid',
  ],
  [
    'a scale of labels',
    () => rescaled({ dtype: 'F32', shape: [1], data: floats(2) }, card, plain.bytes),
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
        tampered((file) => file.metadata.set('scion.card', JSON.stringify({ ...loraCard, examples: 9 }))),
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
    'training_diverged',
  ],
  [
    'a low-rank matrix that would leave a half’s range when it is loaded',
    () => encodeAdapter({ weight, bias, card: withLora({ alpha: 1e6 }), lora, owner }),
    'training_diverged',
  ],
  [
    'a scale beyond a float’s range',
    () => encodeAdapter({ ...prices, scale: 1e39, card: priceCard, owner }),
    'training_diverged',
  ],
  [
    'a bias that is not a number',
    () => encodeAdapter({ weight, bias: Float32Array.of(Number.NaN, 0), card, owner }),
    'training_diverged',
  ],
];
for (const [what, attempt, code] of refusals)
  t.test(`refused: ${what}`, async (t) => {
    t.throws(attempt, { name: 'AppError', code });
  });

for (const [what, whole] of Object.entries({ adapters: { bytes, sha256 }, regression: priced }))
  t.test(
    `a mutated file gives the same content or an AppError, with and without its hash: ${what}`,
    async (t) => {
      const { bytes, sha256 } = whole;
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
            const { sha256: __, ...wanted } = original;
            t.strictSame({ ...read, bytes: 0 }, { ...wanted, bytes: 0 });
          } catch (error) {
            refused += 1;
            return error instanceof AppError;
          }
          return true;
        }),
        { numRuns: 2_000 },
      );
      t.ok(refused > 1_000, 'most mutations are refused');
    },
  );

t.test('an adapter bound to another owner keeps its weights, and is theirs alone', async (t) => {
  const other: ModelRef = { ...owner, tenantId: 'ten_01aryz6s41tsv4rrffq69g5fb0', user: 'bob' };
  const jobId = 'job_01aryz6s41tsv4rrffq69g5fb0';
  const bound = rebindAdapter(bytes, { ...expected, sha256, version: 3 }, { owner: other, jobId });
  t.strictSame(bound.card, { ...sealed, jobId });
  const read = decodeAdapter(bound.bytes, { base, owner: other, sha256: bound.sha256, version: 3 });
  const before = decodeAdapter(bytes, expected);
  t.strictSame(read.card, bound.card);
  t.strictSame([read.head, read.lora, read.labels], [before.head, before.lora, before.labels]);
  t.throws(
    () => decodeAdapter(bound.bytes, expected),
    { code: 'artifact_invalid' },
    'no longer the first owner’s',
  );
  for (const wrong of [{ owner: other }, { sha256: 'c'.repeat(64) }, { version: 4 }]) {
    t.throws(() => rebindAdapter(bytes, { ...expected, ...wrong }, { owner: other, jobId }), {
      code: 'artifact_invalid',
    });
  }
  const otherBase = { ...base, sha256: 'c'.repeat(64) };
  t.throws(() => rebindAdapter(bytes, { base: otherBase, owner }, { owner: other, jobId }), {
    code: 'base_mismatch',
  });
});
