import t from 'tap';
import {
  type Adapter,
  type Builder,
  buildTrainingGraph,
  createBuilder,
  type Feeds,
  floatTensor,
  int64Tensor,
  type Model,
  numbersOf,
  parameterOffsets,
  selfCheck,
  type Tensor,
  type TrainingGraph,
  type TrainingOptions,
} from '../index.js';
import { openSession } from '../testing/open-session.js';
import { randomFrom, tinyBert } from '../testing/tiny-bert.js';

const { model: bert } = tinyBert();
const lora = { kind: 'lora', targets: 'query,value', rank: 2, alpha: 4 } satisfies Adapter;
const plain: TrainingOptions = {
  adapters: [lora],
  head: { kind: 'linear' },
  pooling: 'mean',
  loss: { kind: 'softmax' },
};

async function openModel(model: Model) {
  const session = await openSession(model);
  return {
    async run(feeds: Feeds) {
      const wanted = Object.fromEntries(model.graph.inputs.map(({ name }) => [name, feeds[name]]));
      const answers = await session.run(wanted);
      return Object.fromEntries(Object.entries(answers).map(([name, tensor]) => [name, numbersOf(tensor)]));
    },
    close: () => session.close(),
  };
}

async function run(model: Model, feeds: Feeds) {
  const opened = await openModel(model);
  const answers = await opened.run(feeds);
  await opened.close();
  return answers;
}

/** Rows [from, to) of the first dimension of every input. */
function part(feeds: Feeds, user: number, users: number): Feeds {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { type, dims, data }]) => {
      const share = data.byteLength / users;
      return [
        name,
        {
          type,
          dims: [dims[0] / users, ...dims.slice(1)],
          data: data.slice(user * share, (user + 1) * share),
        },
      ];
    }),
  );
}

/** Three users with parameters, rows, learning rates and seeds of their own. */
function threeUsers(training: TrainingGraph): Feeds {
  const feeds = training.sample({ users: 3, rowsPerUser: 4, tokens: 6, labels: 3 });
  return {
    ...feeds,
    parameters: floatTensor(
      numbersOf(feeds.parameters).map((_, i) => 0.2 * Math.sin(i * i)),
      feeds.parameters.dims,
    ),
    learning_rate: floatTensor([0.01, 0.02, 0.03, 0.04, 0.05, 0.06], [3, 2]),
    step: floatTensor([1, 5, 9]),
    clip_norm: floatTensor([0.1, 1, 100]),
  };
}

t.test('users trained in one run get, to the bit, what each gets alone', async (t) => {
  const variants: Record<string, TrainingOptions> = {
    softmax: plain,
    dropout: { ...plain, adapters: [{ ...lora, dropout: 0.3 }] },
    'class weights': { ...plain, loss: { kind: 'softmax', classWeights: true } },
    sigmoid: { ...plain, loss: { kind: 'sigmoid' } },
    squared: { ...plain, loss: { kind: 'squared' } },
    contrastive: { ...plain, loss: { kind: 'contrastive', temperature: 0.5 } },
    'mlp head': { ...plain, head: { kind: 'mlp', hidden: 5, activation: 'gelu' } },
  };
  const random = randomFrom(7);
  const noise = ({ dims }: Tensor, from: number, to: number) =>
    floatTensor(
      Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => from + (to - from) * random()),
      dims,
    );
  for (const [variant, options] of Object.entries(variants)) {
    const training = await buildTrainingGraph(bert, options, openSession);
    const step = await openModel(training.step);
    // Sums over rows begin to be taken in another order at four, eight and sixteen of them.
    for (const [users, rowsPerUser] of [
      [3, 1],
      [2, 3],
      [3, 4],
      [2, 8],
      [4, 9],
      [3, 16],
      [2, 33],
    ]) {
      const sampled = training.sample({ users, rowsPerUser, tokens: 6, labels: 11 });
      const feeds: Feeds = {
        ...sampled,
        parameters: noise(sampled.parameters, -0.5, 0.5),
        row_weights: noise(sampled.row_weights, 0.2, 2),
        learning_rate: noise(sampled.learning_rate, 0.01, 0.06),
        first_moment: noise(sampled.first_moment, -1e-3, 1e-3),
        second_moment: noise(sampled.second_moment, 0, 1e-5),
        step: floatTensor(Array.from({ length: users }, (_, user) => 1 + 4 * user)),
        clip_norm: floatTensor(Array.from({ length: users }, (_, user) => 0.1 * 10 ** user)),
      };
      const together = await step.run(feeds);
      for (let user = 0; user < users; user++) {
        const alone = await step.run(part(feeds, user, users));
        const others = Object.entries(alone).filter(([name, values]) => {
          const own = together[name].slice(user * values.length, (user + 1) * values.length);
          return !values.every((value, i) => Object.is(value, own[i]));
        });
        t.strictSame(
          others.map(([name]) => name),
          [],
          `${variant}, user ${user} of ${users} with ${rowsPerUser} rows each`,
        );
      }
    }
    await step.close();
  }
});

t.test('users of one graph may differ in alpha: each trains as by a graph of that alpha', async (t) => {
  const training = await buildTrainingGraph(
    bert,
    { ...plain, adapters: [{ ...lora, alpha: 'input' }] },
    openSession,
  );
  const report = await selfCheck(training, { random: randomFrom(1) }, openSession);
  t.ok(report.passed, report.text);
  const alphas = [0.3, 4, 2048];
  const feeds = {
    ...threeUsers(training),
    adapter_scale: floatTensor(alphas.map((alpha) => alpha / lora.rank)),
  };
  const together = { ...(await run(training.gradient, feeds)), ...(await run(training.step, feeds)) };
  for (const [user, alpha] of alphas.entries()) {
    const own = part(feeds, user, 3);
    const alone = await run(training.step, own);
    for (const [name, values] of Object.entries(alone))
      t.strictSame(values, together[name].slice(user * values.length, (user + 1) * values.length), name);
    const fixed = await buildTrainingGraph(bert, { ...plain, adapters: [{ ...lora, alpha }] }, openSession);
    const { gradient } = await run(fixed.gradient, own);
    const length = Math.hypot(...gradient);
    const offset = user * gradient.length;
    const gap = Math.hypot(...gradient.map((value, i) => value - together.gradient[offset + i]));
    t.ok(gap <= 1e-5 * length, `alpha ${alpha}: ${gap} of ${length}`);
  }
});

t.test('a row of weight 0 is padding: it changes neither loss nor gradient', async (t) => {
  const training = await buildTrainingGraph(
    bert,
    { ...plain, contrastive: { coefficient: 0.5, temperature: 0.2 } },
    openSession,
  );
  const feeds = training.sample({ users: 1, rowsPerUser: 6, tokens: 6, labels: 3 });
  const padded = { ...feeds, row_weights: floatTensor([1, 1, 1, 1, 0, 0]) };
  const short: Feeds = {};
  for (const [name, tensor] of Object.entries(padded)) {
    const isRows = tensor.dims[0] === 6;
    const bytes = (tensor.data.byteLength * 4) / 6;
    short[name] = isRows
      ? { ...tensor, dims: [4, ...tensor.dims.slice(1)], data: tensor.data.slice(0, bytes) }
      : tensor;
  }
  const [a, b] = [await run(training.gradient, padded), await run(training.gradient, short)];
  t.ok(Math.abs(a.loss[0] - b.loss[0]) < 1e-6);
  const worst = Math.max(...a.gradient.map((value, i) => Math.abs(value - b.gradient[i])));
  t.ok(worst < 1e-6, `${worst}`);
});

t.test('a group whose learning rate is 0 stands still while others move', async (t) => {
  const training = await buildTrainingGraph(
    bert,
    { ...plain, groupOf: (name) => (name.startsWith('head/') ? 'head' : name.split('.attention')[0]) },
    openSession,
  );
  t.strictSame(training.layout.groups, ['layer.0', 'layer.1', 'head']);
  const feeds = training.sample({ users: 1, rowsPerUser: 4, tokens: 5, labels: 3 });
  const before = numbersOf(feeds.parameters);
  const answers = await run(training.step, { ...feeds, learning_rate: floatTensor([0, 0.01, 0.02], [1, 3]) });
  for (const { parameter, offset, size } of parameterOffsets(training.layout, 3)) {
    const moved = before
      .slice(offset, offset + size)
      .some((value, i) => value !== answers.next_parameters[offset + i]);
    t.equal(moved, parameter.group !== 'layer.0', parameter.name);
  }
});

t.test('users of one run may have different numbers of labels', async (t) => {
  const training = await buildTrainingGraph(bert, plain, openSession);
  const three = training.sample({ users: 1, rowsPerUser: 4, tokens: 6, labels: 3 });
  const five = training.sample({ users: 1, rowsPerUser: 4, tokens: 6, labels: 5 });
  // The same user with three labels, in a run where another might have five: targets and head padded.
  const { fixedSize } = training.layout;
  const own = numbersOf(three.parameters);
  const width = 8;
  const weight = own.slice(fixedSize, fixedSize + 3 * width);
  const bias = own.slice(fixedSize + 3 * width);
  const padded = [...own.slice(0, fixedSize), ...weight, ...Array(2 * width).fill(0.3), ...bias, 0.3, 0.3];
  const targets = numbersOf(three.targets);
  const wide = [0, 1, 2, 3].flatMap((row) => [...targets.slice(3 * row, 3 * row + 3), 0, 0]);
  const alone = await run(training.gradient, three);
  const among = await run(training.gradient, {
    ...five,
    parameters: floatTensor(padded, [1, padded.length]),
    targets: floatTensor(wide, [4, 5]),
    label_counts: int64Tensor([3]),
  });
  t.ok(Math.abs(alone.loss[0] - among.loss[0]) < 1e-6);
  const worst = Math.max(
    ...alone.gradient.slice(0, fixedSize).map((value, i) => Math.abs(value - among.gradient[i])),
  );
  t.ok(worst < 1e-6, 'the same gradient of what they share');
  const beyond = among.gradient.slice(fixedSize + 3 * width, fixedSize + 5 * width);
  t.ok(
    beyond.every((value) => value === 0),
    'and none for labels the user has not',
  );
});

t.test('a language model’s own loss may join, and is the mean over the tokens that count', async (t) => {
  const b = createBuilder({ name: 'lm' });
  const random = randomFrom(11);
  const ids = b.input('input_ids', 'int64', ['rows', 'tokens']);
  b.input('attention_mask', 'int64', ['rows', 'tokens']);
  const weights = (name: string, dims: number[]) =>
    b.initializer(
      name,
      floatTensor(
        Float32Array.from({ length: dims[0] * dims[1] }, () => random() - 0.5),
        dims,
      ),
    );
  const hidden = b.tanh(b.matmul(b.gather(weights('table', [7, 6]), ids, 0), weights('mix', [6, 6]), 'mix'));
  const logits = b.matmul(hidden, weights('vocabulary', [6, 7]), 'lm_head');
  b.output(hidden, 'float32', ['rows', 'tokens', 6], 'hidden');
  b.output(logits, 'float32', ['rows', 'tokens', 7], 'logits');
  const base = b.build();
  const options: TrainingOptions = {
    ...plain,
    adapters: [{ kind: 'lora', targets: 'mix', rank: 2, alpha: 2 }],
  };
  const [alone, joined] = [
    await buildTrainingGraph(base, options, openSession),
    await buildTrainingGraph(
      base,
      { ...options, languageModel: { coefficient: 0.5, logits: 'logits' } },
      openSession,
    ),
  ];
  const report = await selfCheck(joined, { random: randomFrom(1) }, openSession);
  t.ok(report.passed, report.text);
  const feeds = joined.sample({ users: 1, rowsPerUser: 2, tokens: 3, labels: 2 });
  const targets = [1, -100, 4, 0, 6, -100];
  const all = { ...feeds, token_targets: int64Tensor(targets, [2, 3]) };
  const zero = floatTensor(new Float32Array(feeds.parameters.data.byteLength / 4), feeds.parameters.dims);
  const difference =
    (await run(joined.forward, { ...all, parameters: zero })).loss[0] -
    (await run(alone.forward, { ...all, parameters: zero })).loss[0];
  const scores = (await run(base, feeds)).logits;
  const losses = targets.flatMap((target, i) => {
    if (target < 0) return [];
    const row = scores.slice(7 * i, 7 * i + 7);
    return [Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0)) - row[target]];
  });
  const expected = (0.5 * losses.reduce((a, c) => a + c, 0)) / losses.length;
  t.ok(Math.abs(difference - expected) < 1e-5, `${difference} ${expected}`);
});

t.test('a convolutional network trains by scales and shifts of its channels', async (t) => {
  const b = createBuilder({ name: 'cnn' });
  const random = randomFrom(12);
  const weight = (name: string, dims: number[]) =>
    b.initializer(
      name,
      floatTensor(
        Float32Array.from({ length: dims.reduce((x, y) => x * y, 1) }, () => random() - 0.5),
        dims,
      ),
    );
  const image = b.input('pixels', 'float32', ['rows', 3, 8, 8]);
  const first = b.relu(b.node('Conv', [image, weight('w1', [4, 3, 3, 3])], { name: 'stage.0.conv' }));
  const second = b.relu(b.node('Conv', [first, weight('w2', [6, 4, 3, 3])], { name: 'stage.1.conv' }));
  b.output(second, 'float32', ['rows', 6, 4, 4], 'features');
  const training = await buildTrainingGraph(
    b.build(),
    {
      adapters: [
        { kind: 'ia3', targets: 'conv' },
        { kind: 'bias', targets: 'stage.1' },
      ],
      head: { kind: 'linear' },
      pooling: 'spatial',
      loss: { kind: 'softmax' },
    },
    openSession,
  );
  const report = await selfCheck(training, { random: randomFrom(1) }, openSession);
  t.ok(report.passed, report.text);
});

t.test('layers whose rows do not come first are refused by name', async (t) => {
  const b = createBuilder({ name: 'turned' });
  const x = b.input('x', 'float32', ['rows', 'tokens', 4]);
  const weight = b.initializer('w', floatTensor(new Float32Array(16).fill(0.1), [4, 4]));
  const turned = b.matmul(b.transpose(x, [1, 0, 2]), weight, 'block.query');
  b.output(b.transpose(turned, [1, 0, 2]), 'float32', ['rows', 'tokens', 4], 'out');
  b.input('attention_mask', 'int64', ['rows', 'tokens']);
  await t.rejects(
    buildTrainingGraph(b.build(), { ...plain, adapters: [{ ...lora, targets: 'query' }] }, openSession),
    { code: 'bad_injection', message: /"block.query" is not laid out with rows first/ },
  );
});

t.test('a base that uses a name which the training graph needs is refused by that name', async (t) => {
  const options: TrainingOptions = {
    ...plain,
    adapters: [{ ...lora, targets: 'query', dropout: 0.1 }],
    pooling: 'none',
  };
  const baseWith = (own: (b: Builder, x: string) => string): Model => {
    const b = createBuilder({ name: 'named' });
    const x = b.input('x', 'float32', ['rows', 4]);
    const weight = b.initializer('w', floatTensor(new Float32Array(16).fill(0.1), [4, 4]));
    b.output(b.matmul(own(b, x), weight, 'query'), 'float32', ['rows', 4], 'out');
    return b.build();
  };
  const refused = (base: Model, message: string) =>
    t.rejects(buildTrainingGraph(base, options, openSession), {
      code: 'bad_injection',
      message: `the base already has a ${message}, which the graph made from it needs; rename it in the base`,
    });
  for (const name of [
    'parameters',
    'targets',
    'seed',
    'loss',
    'scores',
    'gradient',
    'step',
    'next_parameters',
  ])
    await refused(
      baseWith((b, x) => b.tanh(x, name)),
      `value named "${name}"`,
    );
  for (const name of ['loss', 'scores', 'gradient', 'next_parameters']) {
    const base = baseWith((b, x) => b.tanh(x, 'tanh'));
    base.graph.nodes[0].name = name;
    await refused(base, `node named "${name}"`);
  }
  const seeded = baseWith((b, x) => b.add(x, b.cast(b.input('seed', 'int64', ['rows', 1]), 'float32')));
  await refused(seeded, 'value named "seed"');
});

t.test('whatever else a base calls its values, the graph is derived', async (t) => {
  const b = createBuilder({ name: 'named' });
  let x = b.input('x', 'float32', ['rows', 4]);
  const weight = b.initializer('w', floatTensor(new Float32Array(16).fill(0.1), [4, 4]));
  for (const name of ['shapes', 'probe/Shape_0', 'grad/MatMul_0', 'graft/Shape_0']) x = b.relu(x, name);
  b.output(b.matmul(x, weight, 'query'), 'float32', ['rows', 4], 'out');
  const adapters = [{ ...lora, targets: 'query' }];
  const training = await buildTrainingGraph(b.build(), { ...plain, adapters, pooling: 'none' }, openSession);
  const report = await selfCheck(training, { random: randomFrom(1) }, openSession);
  t.ok(report.passed, report.text);
});

t.test('adapters that cannot be are refused by name', async (t) => {
  const build = (adapters: Adapter[]) => buildTrainingGraph(bert, { ...plain, adapters }, openSession);
  for (const rank of [0, 1.5, -1, Number.NaN])
    await t.rejects(build([{ ...lora, rank }]), {
      code: 'bad_injection',
      message: /the rank of LoRA on ".*query.*" is .*; it must be a whole number from 1 on/,
    });
  await t.rejects(build([lora, { ...lora, rank: 3 }]), {
    code: 'bad_injection',
    message: /lora_a" is asked for as \[8,2\] and as \[8,3\]/,
  });
});

t.test('the base is left as it is', async (t) => {
  const before = JSON.stringify(bert.graph.nodes);
  await buildTrainingGraph(bert, plain, openSession);
  t.equal(JSON.stringify(bert.graph.nodes), before);
});
