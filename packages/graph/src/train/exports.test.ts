/** Models as exporters write them, of every family, are registered, checked and trained. */
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import {
  type Feeds,
  floatTensor,
  importModel,
  initialParameters,
  numbersOf,
  parameterCount,
  registerTraining,
  type TrainingOptions,
} from '../index.js';
import { openSession } from '../testing/open-session.js';
import { randomFrom } from '../testing/tiny-bert.js';

const folder = new URL('../../fixtures/exports/', import.meta.url);
const names = readdirSync(folder).filter((file) => file.endsWith('.onnx'));

/** What suits each family. */
const families: [RegExp, Partial<TrainingOptions> & { rate?: number }][] = [
  [/modernbert/, { adapters: [{ kind: 'lora', targets: 'Wqkv', rank: 4, alpha: 8 }], pooling: 'mean' }],
  [/bert/, { adapters: [{ kind: 'lora', targets: 'query,value', rank: 4, alpha: 8 }], pooling: 'mean' }],
  [
    /gpt2/,
    {
      adapters: [{ kind: 'lora', targets: 'c_attn,c_fc', rank: 4, alpha: 8 }],
      features: ['last_hidden_state'],
      pooling: 'last',
      languageModel: { coefficient: 0.1, logits: 'logits' },
    },
  ],
  [/vit/, { adapters: [{ kind: 'lora', targets: 'query,value', rank: 4, alpha: 8 }], pooling: 'cls' }],
  [
    /resnet|mobilenet/,
    {
      adapters: [
        { kind: 'ia3', targets: 'all' },
        { kind: 'bias', targets: 'all' },
      ],
      pooling: 'none',
      // Fifty layers multiply their scales: small steps.
      rate: 0.002,
    },
  ],
];

for (const name of names) {
  const family = families.find(([pattern]) => pattern.test(name))?.[1];
  t.test(`${name} registers, passes its self-check and learns eight examples by heart`, async (t) => {
    const base = importModel(readFileSync(new URL(name, folder)));
    const options: TrainingOptions = {
      adapters: [],
      head: { kind: 'linear' },
      pooling: 'mean',
      loss: { kind: 'softmax' },
      ...family,
    };
    const { training, report } = await registerTraining(base, options, {
      open: openSession,
      random: randomFrom(2),
    });
    t.comment(
      `${training.nodes.base} nodes, ${training.nodes.visited} visited, ${training.nodes.step} in the step`,
    );
    t.comment(report.text.split('\n').slice(0, 2).join(' '));

    const labels = 2;
    const rate = family?.rate ?? 0.02;
    const random = randomFrom(6);
    const feeds: Feeds = {
      ...training.sample({ users: 1, rowsPerUser: 8, tokens: 6, labels }),
      learning_rate: floatTensor([rate, 2.5 * rate], [1, 2]),
      label_smoothing: floatTensor([0]),
      weight_decay: floatTensor([0]),
    };
    if (feeds.pixel_values) {
      const { dims } = feeds.pixel_values;
      const pixels = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random() * 2 - 1);
      feeds.pixel_values = floatTensor(pixels, dims);
    }
    const initial = initialParameters(training.layout, labels, random);
    let state: Feeds = { parameters: floatTensor(initial, [1, parameterCount(training.layout, labels)]) };
    const session = await openSession(training.step);
    let loss = Number.POSITIVE_INFINITY;
    for (let step = 1; step <= 60 && loss > 0.03; step++) {
      const all: Feeds = { ...feeds, ...state, step: floatTensor([step]) };
      const answers = await session.run(
        Object.fromEntries(training.step.graph.inputs.map((input) => [input.name, all[input.name]])),
      );
      loss = numbersOf(answers.loss)[0];
      state = {
        parameters: answers.next_parameters,
        first_moment: answers.next_first_moment,
        second_moment: answers.next_second_moment,
      };
    }
    await session.close();
    t.comment(`loss ${loss.toFixed(4)}`);
    const forward = await openSession(training.forward);
    const all: Feeds = { ...feeds, ...state };
    const { scores } = await forward.run(
      Object.fromEntries(training.forward.graph.inputs.map((input) => [input.name, all[input.name]])),
    );
    await forward.close();
    const [given, targets] = [numbersOf(scores), numbersOf(feeds.targets)];
    let right = 0;
    for (let row = 0; row < 8; row++) {
      const guess = given[2 * row] > given[2 * row + 1] ? 0 : 1;
      right += targets[2 * row + guess];
    }
    t.equal(right, 8, 'all eight are right');
  });
}
