/** Vision models as others published them, from the folder in SCION_SHARED (default: beside the repository). */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { importModel, registerTraining } from '../index.js';
import { openSession } from '../testing/open-session.js';
import { randomFrom } from '../testing/tiny-bert.js';

const { SCION_SHARED = fileURLToPath(new URL('../../../../../shared', import.meta.url)) } = process.env;
const fileOf = (name: string) => join(SCION_SHARED, 'models', name);
const skipUnless = (name: string) =>
  existsSync(fileOf(name))
    ? {}
    : { skip: `no ${fileOf(name)}; set SCION_SHARED to the folder that holds models` };

const mobilenet = 'mobilenet_v2_imagenet.onnx';
t.test('MobileNetV2 at full width registers and passes its self-check', skipUnless(mobilenet), async (t) => {
  const base = importModel(readFileSync(fileOf(mobilenet)));
  const last = base.graph.nodes.filter(({ op }) => op === 'Conv').slice(-8);
  const { training, report } = await registerTraining(
    base,
    {
      adapters: [{ kind: 'ia3', targets: last.map(({ name }) => name).join(',') }],
      head: { kind: 'linear' },
      features: ['features'],
      pooling: 'none',
      loss: { kind: 'softmax' },
    },
    { open: openSession, random: randomFrom(2) },
  );
  t.ok(report.passed, report.text);
  t.ok(training.nodes.visited > 0);
});

const squeezenet = 'squeezenet_fp16.onnx';
t.test('a file of an opset before 11 is refused with the remedy', skipUnless(squeezenet), async (t) => {
  t.throws(() => importModel(readFileSync(fileOf(squeezenet))), {
    code: 'unsupported_opset',
    message: 'the model uses opset 7; export it with one from 11 to 21',
  });
});
