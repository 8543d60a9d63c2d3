import t from 'tap';
import {
  type Attribute,
  buildInferenceGraph,
  buildTrainingGraph,
  createBuilder,
  type Feeds,
  floatTensor,
  type InferenceOptions,
  int64Tensor,
  MASKED_SCORE,
  numbersOf,
  parameterOffsets,
  selfCheck,
  type Tensor,
  type TrainingOptions,
} from '../index.js';
import { openSession } from '../testing/open-session.js';
import { randomFrom, tinyBert } from '../testing/tiny-bert.js';

/** Of values that are whole sixteenths below 64, which halves hold exactly. */
function float16Tensor(values: number[], dims: number[]): Tensor {
  const bits = Uint16Array.from(values, (value) => {
    if (value === 0) return 0;
    const exponent = Math.floor(Math.log2(Math.abs(value)));
    const fraction = (Math.abs(value) / 2 ** exponent - 1) * 1024;
    return (value < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | fraction;
  });
  return { type: 'float16', dims, data: new Uint8Array(bits.buffer) };
}

const { model: bert } = tinyBert();
const hidden = 8;
const options: InferenceOptions = {
  adapters: [
    { kind: 'lora', targets: 'query,value', rank: 2, alpha: 4 },
    { kind: 'ia3', targets: 'key' },
    { kind: 'bias', targets: 'inner' },
    { kind: 'norm', targets: 'all' },
  ],
  head: { kind: 'linear' },
  pooling: 'mean',
  activation: 'softmax',
};
const rows = 6;
const tokens = 7;
const random = randomFrom(4);
const floats = (dims: number[], scale = 0.5) =>
  floatTensor(
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => (random() * 2 - 1) * scale),
    dims,
  );
const inputs: Feeds = {
  input_ids: int64Tensor(
    Array.from({ length: rows * tokens }, () => Math.floor(random() * 20)),
    [rows, tokens],
  ),
  attention_mask: int64Tensor(
    Array.from({ length: rows * tokens }, (_, i) => (i % tokens < 3 + (Math.floor(i / tokens) % 5) ? 1 : 0)),
    [rows, tokens],
  ),
};

t.test(
  'rows of users with different adapters and labels are answered in one batch as each user alone',
  async (t) => {
    const { model, layout } = await buildInferenceGraph(bert, options, openSession);
    const counts = [2, 4, 3];
    const adapters = floats([3, layout.fixedSize]);
    const weight = floats([3, 4, hidden]);
    const bias = floats([3, 4]);
    const owner = [2, 0, 1, 1, 0, 2];
    const session = await openSession(model);
    const together = await session.run({
      ...inputs,
      row_user: int64Tensor(owner),
      adapters,
      'head/weight': weight,
      'head/bias': bias,
      label_counts: int64Tensor(counts),
    });
    for (const [row, user] of owner.entries()) {
      const labels = counts[user];
      const alone = await session.run({
        input_ids: int64Tensor(numbersOf(inputs.input_ids).slice(row * tokens, (row + 1) * tokens), [
          1,
          tokens,
        ]),
        attention_mask: int64Tensor(
          numbersOf(inputs.attention_mask).slice(row * tokens, (row + 1) * tokens),
          [1, tokens],
        ),
        row_user: int64Tensor([0]),
        adapters: floatTensor(
          numbersOf(adapters).slice(user * layout.fixedSize, (user + 1) * layout.fixedSize),
          [1, layout.fixedSize],
        ),
        'head/weight': floatTensor(numbersOf(weight).slice(user * 4 * hidden, (user * 4 + labels) * hidden), [
          1,
          labels,
          hidden,
        ]),
        'head/bias': floatTensor(numbersOf(bias).slice(user * 4, user * 4 + labels), [1, labels]),
        label_counts: int64Tensor([labels]),
      });
      const scores = numbersOf(together.scores).slice(row * 4, row * 4 + 4);
      const probabilities = numbersOf(together.probabilities).slice(row * 4, row * 4 + 4);
      for (const [i, score] of numbersOf(alone.scores).entries())
        t.ok(Math.abs(score - scores[i]) < 1e-5, `row ${row}, label ${i}`);
      t.ok(
        scores.slice(labels).every((score) => score === MASKED_SCORE),
        'no score beyond a user’s labels',
      );
      t.ok(
        probabilities.slice(labels).every((value) => value === 0),
        'and no probability',
      );
      t.ok(Math.abs(probabilities.reduce((a, b) => a + b, 0) - 1) < 1e-6);
    }
    await session.close();
  },
);

t.test('a row whose adapters are zero computes what the bare base computes, to the bit', async (t) => {
  // No head, no pooling change: the output is the pooled base itself.
  const bare: InferenceOptions = { ...options, head: { kind: 'none' }, activation: 'none' };
  const grafted = await buildInferenceGraph(bert, bare, openSession);
  const base = await buildInferenceGraph(bert, { ...bare, adapters: [] }, openSession);
  const zeros = new Float32Array(2 * grafted.layout.fixedSize);
  // User 0 is zero, user 1 is not; their rows alternate.
  for (let i = grafted.layout.fixedSize; i < zeros.length; i++) zeros[i] = random() - 0.5;
  const row_user = int64Tensor([0, 1, 0, 1, 0, 1]);
  const graftedSession = await openSession(grafted.model);
  const baseSession = await openSession(base.model);
  const mixed = await graftedSession.run({
    ...inputs,
    row_user,
    adapters: floatTensor(zeros, [2, grafted.layout.fixedSize]),
  });
  const plain = await baseSession.run({ ...inputs, row_user });
  await graftedSession.close();
  await baseSession.close();
  const [a, b] = [numbersOf(mixed.scores), numbersOf(plain.scores)];
  for (let row = 0; row < rows; row++) {
    const [ours, theirs] = [a, b].map((values) => values.slice(row * hidden, (row + 1) * hidden));
    if (row % 2 === 0) t.strictSame(ours, theirs, `row ${row} is the base’s`);
    else t.notSame(ours, theirs, `row ${row} is its user’s own`);
  }
});

t.test('inference answers what training computed, from the same flat vector', async (t) => {
  const byUser: InferenceOptions = {
    ...options,
    adapters: [{ kind: 'lora', targets: 'query,value', rank: 2, alpha: 'input' }],
  };
  const cases: [InferenceOptions, Feeds][] = [
    [options, {}],
    [byUser, { adapter_scale: floatTensor([0.5, 40]) }],
  ];
  for (const [own, scales] of cases) {
    const training = await buildTrainingGraph(bert, { ...own, loss: { kind: 'softmax' } }, openSession);
    const { model, layout } = await buildInferenceGraph(bert, own, openSession);
    t.strictSame(layout, training.layout);
    const labels = 3;
    const feeds = { ...training.sample({ users: 2, rowsPerUser: 3, tokens, labels }), ...scales };
    const size = feeds.parameters.dims[1];
    const trained = await openSession(training.forward);
    const scores = numbersOf((await trained.run({ ...feeds, ...inputs })).scores);
    await trained.close();
    const both = numbersOf(feeds.parameters);
    const slice = (from: number, to: number) =>
      [0, 1].flatMap((user) => both.slice(user * size + from, user * size + to));
    const { fixedSize } = layout;
    const session = await openSession(model);
    const answers = await session.run({
      ...{ ...inputs, ...scales },
      row_user: int64Tensor([0, 0, 0, 1, 1, 1]),
      adapters: floatTensor(slice(0, fixedSize), [2, fixedSize]),
      'head/weight': floatTensor(slice(fixedSize, fixedSize + labels * hidden), [2, labels, hidden]),
      'head/bias': floatTensor(slice(fixedSize + labels * hidden, size), [2, labels]),
      label_counts: int64Tensor([labels, labels]),
    });
    await session.close();
    for (const [i, score] of numbersOf(answers.scores).entries()) t.ok(Math.abs(score - scores[i]) < 1e-5);
  }
});

t.test(
  'what a subgraph reads of an adapted layer is adapted too; training through it is refused',
  async (t) => {
    // y = h + (condition ? tanh h + k : h), where h is a layer and k a value that nothing but the branch reads.
    const b = createBuilder({ name: 'branched' });
    const x = b.input('x', 'float32', ['rows', 2]);
    const h = b.matmul(x, b.initializer('w', floatTensor([1, 0, 0, 1], [2, 2])), 'layer');
    const k = b.matmul(x, b.initializer('v', floatTensor([0, 2, 2, 0], [2, 2])), 'beside');
    const condition = b.initializer('condition', { type: 'bool', dims: [], data: Uint8Array.of(1) });
    const branch = (name: string, nodes: [op: string, inputs: string[]][]): Attribute => ({
      kind: 'graph',
      value: {
        name,
        nodes: nodes.map(([op, inputs], i) => {
          const own = `${name}_${i}`;
          return { op, name: own, inputs, outputs: [own], attributes: {} };
        }),
        inputs: [],
        outputs: [{ name: `${name}_${nodes.length - 1}`, type: 'float32' }],
        initializers: new Map(),
      },
    });
    const chosen = b.node('If', [condition], {
      name: 'gate',
      attributes: {
        then_branch: branch('then', [
          ['Tanh', [h]],
          ['Add', ['then_0', k]],
        ]),
        else_branch: branch('else', [['Identity', [h]]]),
      },
    });
    b.output(b.add(h, chosen, 'y'), 'float32', ['rows', 2]);
    const base = b.build();
    const bent: InferenceOptions = {
      adapters: [{ kind: 'bias', targets: 'layer' }],
      head: { kind: 'none' },
      pooling: 'none',
      activation: 'none',
    };
    const { model } = await buildInferenceGraph(base, bent, openSession);
    const session = await openSession(model);
    const answers = await session.run({
      x: floatTensor([0.5, -1], [1, 2]),
      row_user: int64Tensor([0]),
      adapters: floatTensor([0.25, 0.5], [1, 2]),
    });
    await session.close();
    const expected = [0.75 + Math.tanh(0.75) - 2, -0.5 + Math.tanh(-0.5) + 1];
    for (const [i, value] of numbersOf(answers.scores).entries()) t.ok(Math.abs(value - expected[i]) < 1e-6);
    await t.rejects(buildTrainingGraph(base, { ...bent, loss: { kind: 'squared' } }, openSession), {
      code: 'no_gradient',
      message: 'no gradient rule for If (node "gate")',
    });
    // Where no adapter lies below it a subgraph is no obstacle.
    const above: TrainingOptions = {
      adapters: [],
      head: { kind: 'linear' },
      pooling: 'none',
      loss: { kind: 'softmax' },
    };
    const training = await buildTrainingGraph(base, above, openSession);
    t.ok((await selfCheck(training, { random }, openSession)).passed);
  },
);

t.test('multilabel scores become probabilities each for itself', async (t) => {
  const { model, layout } = await buildInferenceGraph(
    bert,
    { ...options, activation: 'sigmoid' },
    openSession,
  );
  const session = await openSession(model);
  const answers = await session.run({
    ...inputs,
    row_user: int64Tensor(Array(rows).fill(0)),
    adapters: floats([1, layout.fixedSize]),
    'head/weight': floats([1, 3, hidden]),
    'head/bias': floats([1, 3]),
    label_counts: int64Tensor([2]),
  });
  await session.close();
  const probabilities = numbersOf(answers.probabilities);
  for (const [i, score] of numbersOf(answers.scores).entries()) {
    const expected = i % 3 === 2 ? 0 : 1 / (1 + Math.exp(-score));
    t.ok(Math.abs(probabilities[i] - expected) < 1e-6);
  }
});

t.test(
  'open ranks: padded to the largest of a run, or alone, users get what a graph of their rank says',
  async (t) => {
    const lora = (rank: number, alpha: number): InferenceOptions => ({
      adapters: [{ kind: 'lora', targets: 'query,value', rank, alpha }],
      head: { kind: 'none' },
      pooling: 'mean',
      activation: 'none',
    });
    const open = await buildInferenceGraph(bert, { ...lora(1, 1), ranks: 'open' }, openSession);
    const users = [
      { rank: 1, alpha: 4 },
      { rank: 3, alpha: 6 },
    ];
    const alone = await Promise.all(
      users.map(({ rank, alpha }) => buildInferenceGraph(bert, lora(rank, alpha), openSession)),
    );
    // Whole sixteenths: halves hold them, and their products with alpha/rank, exactly.
    const vectors = alone.map(({ layout }) =>
      Float32Array.from({ length: layout.fixedSize }, () => Math.round((random() - 0.5) * 16) / 16),
    );
    const padded = (of: number[], rank: number): Feeds => {
      const feeds: Feeds = {};
      for (const { name, shape, rankAxis } of open.layout.parameters) {
        const dims = shape.map((size, axis) => (axis === rankAxis ? rank : Number(size)));
        const values = of.flatMap((user) => {
          const own = parameterOffsets(alone[user].layout, 1).find(
            ({ parameter }) => parameter.name === name,
          )!;
          const ownRank = users[user].rank;
          const scale = rankAxis === 0 ? users[user].alpha / ownRank : 1;
          const columns = rankAxis === 0 ? dims[1] : ownRank;
          return Array.from({ length: dims[0] * dims[1] }, (_, i) => {
            const [row, column] = [Math.floor(i / dims[1]), i % dims[1]];
            const within = rankAxis === 0 ? row < ownRank : column < ownRank;
            return within ? vectors[user][own.offset + row * columns + column] * scale : 0;
          });
        });
        feeds[name] = float16Tensor(values, [of.length, ...dims]);
      }
      return feeds;
    };
    const session = await openSession(open.model);
    const owner = [0, 1, 1, 0, 1, 0];
    const mixed = await session.run({ ...inputs, row_user: int64Tensor(owner), ...padded([0, 1], 4) });
    for (const [user, { model }] of alone.entries()) {
      const fixed = await openSession(model);
      const adapters = floatTensor(vectors[user], [1, vectors[user].length]);
      const expected = numbersOf(
        (await fixed.run({ ...inputs, row_user: int64Tensor(Array(rows).fill(0)), adapters })).scores,
      );
      await fixed.close();
      const one = await session.run({
        ...inputs,
        row_user: int64Tensor([0]),
        ...padded([user], users[user].rank),
      });
      for (const [i, value] of expected.entries()) {
        t.ok(Math.abs(numbersOf(one.scores)[i] - value) < 1e-5, `alone, value ${i}`);
        if (owner[Math.floor(i / hidden)] === user)
          t.ok(Math.abs(numbersOf(mixed.scores)[i] - value) < 1e-5, `mixed, value ${i}`);
      }
    }
    await session.close();
  },
);
