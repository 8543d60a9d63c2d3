import { readFile } from 'node:fs/promises';
import t from 'tap';
import {
  buildBert,
  buildTrainingGraph,
  type Feeds,
  floatTensor,
  int64Tensor,
  numbersOf,
  parameterCount,
} from '../index.js';
import { openSession } from '../testing/open-session.js';
import { readSafetensors } from '../testing/read-safetensors.js';

/** Recorded by recording/training-steps.py: a MiniLM-shaped encoder with LoRA, computed by PyTorch in float64. */
const file = await readFile(new URL('../../fixtures/training-steps.safetensors', import.meta.url));
const source = readSafetensors(file);
const header = JSON.parse(file.subarray(8, 8 + Number(file.readBigUInt64LE(0))).toString());

function recorded(name: string): number[] {
  const entry = source(name);
  if (!entry) throw new Error(`no ${name} in the recording`);
  const bytes = Uint8Array.from(entry.data).buffer;
  return Array.from<number>(entry.dtype === 'F32' ? new Float32Array(bytes) : new Int32Array(bytes));
}

const rows = 8;
const tokens = 12;
const labels = 3;

async function trainingGraph() {
  const { model } = buildBert({
    config: JSON.parse(header.__metadata__.config),
    weights: source,
    outputs: { lastHiddenState: true },
  });
  return buildTrainingGraph(
    model,
    {
      adapters: [{ kind: 'lora', targets: 'query,value', rank: 4, alpha: 8 }],
      head: { kind: 'linear' },
      pooling: 'mean',
      loss: { kind: 'softmax', classWeights: true },
    },
    openSession,
  );
}

const inputs: Feeds = {
  input_ids: int64Tensor(recorded('input_ids'), [rows, tokens]),
  attention_mask: int64Tensor(recorded('attention_mask'), [rows, tokens]),
  targets: floatTensor(
    recorded('labels').flatMap((label) => [0, 1, 2].map((c) => (c === label ? 1 : 0))),
    [rows, labels],
  ),
  row_weights: floatTensor(new Float32Array(rows).fill(1)),
  label_counts: int64Tensor([labels]),
  label_smoothing: floatTensor([0.1]),
  class_weights: floatTensor([1, 0.5, 2], [1, labels]),
};

/** ‖a − b‖/‖b‖ */
const relative = (a: number[], b: number[]) =>
  Math.hypot(...a.map((value, i) => value - b[i])) / Math.hypot(...b);

t.test('the gradient equals PyTorch’s in float64 to 1e-5, tensor by tensor', async (t) => {
  const { gradient, layout } = await trainingGraph();
  const initial = recorded('initial');
  const size = initial.length;
  t.equal(parameterCount(layout, labels), size, 'the same parameters');
  const session = await openSession(gradient);
  const answers = await session.run({ ...inputs, parameters: floatTensor(initial, [1, size]) });
  await session.close();
  const ours = numbersOf(answers.gradient);
  const theirs = recorded('gradient');
  t.ok(Math.abs(numbersOf(answers.loss)[0] / recorded('losses')[0] - 1) < 1e-6, 'loss');
  let offset = 0;
  for (const { name, shape } of layout.parameters) {
    const length = shape.reduce<number>((n, extent) => n * (extent === 'labels' ? labels : extent), 1);
    const error = relative(ours.slice(offset, offset + length), theirs.slice(offset, offset + length));
    t.ok(error <= 1e-5, `${name}: ${error.toExponential(1)}`);
    offset += length;
  }
});

t.test('ten AdamW steps with clipping, decay and two learning rates equal PyTorch’s to 1e-5', async (t) => {
  const { step, layout } = await trainingGraph();
  const initial = recorded('initial');
  const size = initial.length;
  const session = await openSession(step);
  const zeros = () => floatTensor(new Float32Array(size), [1, size]);
  let state: Feeds = {
    parameters: floatTensor(initial, [1, size]),
    first_moment: zeros(),
    second_moment: zeros(),
  };
  t.strictSame(layout.groups, ['adapter', 'head']);
  const losses: number[] = [];
  for (let i = 1; i <= 10; i++) {
    const answers = await session.run({
      ...inputs,
      ...state,
      learning_rate: floatTensor([1e-3, 5e-3], [1, 2]),
      step: floatTensor([i]),
      weight_decay: floatTensor([0.01]),
      clip_norm: floatTensor([1]),
    });
    losses.push(numbersOf(answers.loss)[0]);
    state = {
      parameters: answers.next_parameters,
      first_moment: answers.next_first_moment,
      second_moment: answers.next_second_moment,
    };
  }
  await session.close();
  const lossError = relative(losses, recorded('losses'));
  t.ok(lossError <= 1e-5, `losses: ${lossError.toExponential(1)}`);
  const error = relative(numbersOf(state.parameters), recorded('final'));
  t.ok(error <= 1e-5, `parameters: ${error.toExponential(1)}`);
  const moved = numbersOf(state.parameters).map((value, i) => value - initial[i]);
  const movedThere = recorded('final').map((value, i) => value - initial[i]);
  t.comment(`relative to the way they moved: ${relative(moved, movedThere).toExponential(1)}`);
});
