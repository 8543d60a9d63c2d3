import { closeSync, openSync, readSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type ExternalPlace,
  type Feeds,
  type Model,
  type OpenSession,
  type ParameterLayout,
  readModel,
  registerTraining,
  writeModel,
} from '@scion/graph';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { createRandom } from '../head/random.js';
import { LOWER_FEATURES, trainingOptions } from '../lora/training-base.js';
import type { FitState, TrainingGraphKey, TrainSlice, TrainSliceResult, TrainStep } from './protocol.js';
import { oneThread } from './session-options.js';

export interface TrainingSetup {
  /** What `trainingBase` made of the base; its weights lie beside it, and so will the graphs derived from it. */
  trainingPath: string;
  hiddenSize: number;
  sites: { name: string }[];
}

/** The training step of a base as a function. Beside session.ts the only file that knows the runtime. */
export interface TrainingSession {
  layout: ParameterLayout;
  selfCheck: SelfCheck;
  run(slice: TrainSlice): Promise<TrainSliceResult>;
  close(): Promise<void>;
}

/** How the derived gradient compares with finite differences on the model itself. */
export interface SelfCheck {
  /** Directions that were tried: two for each tensor of parameters. */
  directions: number;
  /** The worst difference of a slope, in parts of what is allowed; beyond 1 the base is refused. */
  worst: number;
}

/** Raised whenever other numbers would come of the same inputs, or less would be known of them. */
const DERIVATION = 4;

interface Derived {
  derivation: number;
  layout: ParameterLayout;
  selfCheck: SelfCheck;
}

/**
 * Opens the training step of a base. The first time it is derived, checked against finite differences on the model itself
 * and written beside the base, where the next process finds it; where that folder cannot be written it is kept in memory.
 * @throws GraphError where the base has no gradient
 */
export async function openTraining(setup: TrainingSetup, shape: TrainingGraphKey): Promise<TrainingSession> {
  const stem = `training-${shape.kind}-r${shape.rank}`;
  const folder = dirname(setup.trainingPath);
  const [graphPath, layoutPath] = [join(folder, `${stem}.onnx`), join(folder, `${stem}.json`)];
  const known = await readFile(layoutPath, 'utf8').then(
    (json) => JSON.parse(json) as Derived,
    () => undefined,
  );
  if (known?.derivation === DERIVATION)
    return createSession(await InferenceSession.create(graphPath, oneThread), known, setup);

  const { model, placed } = await readPlaced(setup.trainingPath);
  const { training, report } = await registerTraining(
    model,
    trainingOptions(shape.kind, setup.sites, shape.rank),
    {
      open: openForProbing,
      random: createRandom(1),
    },
  );
  const derived: Derived = {
    derivation: DERIVATION,
    layout: training.layout,
    selfCheck: {
      directions: report.checks.length,
      worst: Math.max(...report.checks.map(({ excess }) => excess)),
    },
  };
  const written = await writeBeside(folder, {
    [`${stem}.onnx`]: writeModel(training.step, { existing: placed }).model,
    // Last, since it says that the other is whole.
    [`${stem}.json`]: Buffer.from(JSON.stringify(derived)),
  });
  const session = written
    ? await InferenceSession.create(graphPath, oneThread)
    : await InferenceSession.create(writeModel(training.step).model, oneThread);
  return createSession(session, derived, setup);
}

/** The model and where its weights lie, read weight by weight: the file holds those of the trunk too. */
async function readPlaced(path: string): Promise<{ model: Model; placed: Map<Uint8Array, ExternalPlace> }> {
  const placed = new Map<Uint8Array, ExternalPlace>();
  const open = new Map<string, number>();
  try {
    const model = readModel(await readFile(path), {
      external(location, offset, length) {
        const file = open.get(location) ?? openSync(join(dirname(path), location), 'r');
        open.set(location, file);
        const bytes = new Uint8Array(length);
        readSync(file, bytes, 0, length, offset);
        placed.set(bytes, { location, offset });
        return bytes;
      },
    });
    return { model, placed };
  } finally {
    for (const file of open.values()) closeSync(file);
  }
}

/** Whether the files could be written, each whole or not at all, in their order. */
async function writeBeside(folder: string, files: Record<string, Uint8Array>): Promise<boolean> {
  let temporary: string | undefined;
  try {
    temporary = await mkdtemp(join(folder, '.training-'));
    for (const [name, bytes] of Object.entries(files)) {
      await writeFile(join(temporary, name), bytes);
      await rename(join(temporary, name), join(folder, name));
    }
    return true;
  } catch (error) {
    if (['EACCES', 'EROFS', 'EPERM', 'ENOSPC'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return false;
    throw error;
  } finally {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
  }
}

const arrays = { float32: Float32Array, int64: BigInt64Array, bool: Uint8Array };

/** A session that runs once or twice: preparing weights for speed would cost more than it saves. */
const openForProbing: OpenSession = async (model) => {
  const session = await InferenceSession.create(writeModel(model).model, {
    ...oneThread,
    graphOptimizationLevel: 'basic',
    extra: { session: { disable_prepacking: '1' } },
  });
  return {
    async run(feeds: Feeds) {
      const given = Object.entries(feeds).map(([name, { type, dims, data }]) => {
        const bytes = data.slice().buffer;
        return [name, new Tensor(type as 'float32', new arrays[type as 'float32'](bytes), dims)] as const;
      });
      const answers = await session.run(Object.fromEntries(given));
      return Object.fromEntries(
        Object.entries(answers).map(([name, { type, dims, data }]) => {
          const { buffer, byteOffset, byteLength } = data as Float32Array;
          return [
            name,
            {
              type: type as 'float32',
              dims: [...dims],
              data: new Uint8Array(buffer, byteOffset, byteLength),
            },
          ];
        }),
      );
    },
    close: () => session.release(),
  };
};

function createSession(
  session: InferenceSession,
  { layout, selfCheck }: Derived,
  { hiddenSize }: TrainingSetup,
): TrainingSession {
  const wanted = new Set(session.inputNames);
  const head = layout.groups.indexOf('head');
  return {
    layout,
    selfCheck,
    async run({ users, steps }) {
      const [{ outputs }] = users;
      let state = stack(users);
      const losses: number[][] = [];
      for (const [done, step] of steps.entries()) {
        const at = Float32Array.from(users, ({ state: own }) => own.step + done + 1);
        const feeds: Record<string, Tensor> = {
          ...stepFeeds(step, { users, outputs, hiddenSize, groups: layout.groups.length, head }),
          parameters: new Tensor('float32', state.parameters, state.dims),
          first_moment: new Tensor('float32', state.firstMoment, state.dims),
          second_moment: new Tensor('float32', state.secondMoment, state.dims),
          step: new Tensor('float32', at, [users.length]),
        };
        const answers = await session.run(
          Object.fromEntries(Object.entries(feeds).filter(([name]) => wanted.has(name))),
        );
        state = {
          dims: state.dims,
          parameters: answers.next_parameters.data as Float32Array,
          firstMoment: answers.next_first_moment.data as Float32Array,
          secondMoment: answers.next_second_moment.data as Float32Array,
        };
        losses.push(Array.from(answers.loss.data as Float32Array));
      }
      return { states: unstack(users, state, steps.length), losses };
    },
    close: () => session.release(),
  };
}

interface Stacked {
  dims: [users: number, size: number];
  parameters: Float32Array;
  firstMoment: Float32Array;
  secondMoment: Float32Array;
}

const vectors = ['parameters', 'firstMoment', 'secondMoment'] as const;

/** All users' vectors side by side. */
function stack(users: TrainSlice['users']): Stacked {
  const size = users[0].state.parameters.length;
  const out: Stacked = {
    dims: [users.length, size],
    parameters: new Float32Array(users.length * size),
    firstMoment: new Float32Array(users.length * size),
    secondMoment: new Float32Array(users.length * size),
  };
  for (const name of vectors)
    for (const [at, { state }] of users.entries()) out[name].set(state[name], at * size);
  return out;
}

function unstack(users: TrainSlice['users'], stacked: Stacked, steps: number): FitState[] {
  const [, size] = stacked.dims;
  const take = (name: (typeof vectors)[number], at: number) =>
    stacked[name].slice(at * size, (at + 1) * size);
  return users.map(({ state }, at) => ({
    step: state.step + steps,
    parameters: take('parameters', at),
    firstMoment: take('firstMoment', at),
    secondMoment: take('secondMoment', at),
  }));
}

/** The inputs of one step but for the parameters: rows user by user, as many of each. */
function stepFeeds(
  step: TrainStep[],
  sizes: {
    users: TrainSlice['users'];
    outputs: number;
    hiddenSize: number;
    groups: number;
    head: number;
  },
): Record<string, Tensor> {
  const { users, outputs, hiddenSize, groups, head } = sizes;
  const count = users.length;
  const [{ tokens, rows: ownRows }] = step;
  const perUser = ownRows.length;
  const rows = count * perUser;
  const lowerSize = step[0].rows[0].pooled.length;
  const hidden = new Float32Array(rows * tokens * hiddenSize);
  const lower = new Float32Array(rows * lowerSize);
  // int64 as two words each, the lower first.
  const mask = new Int32Array(2 * rows * tokens);
  const targets = new Float32Array(rows * outputs);
  const weights = new Float32Array(rows);
  const rates = new Float32Array(count * groups);
  for (const [user, own] of step.entries()) {
    for (let i = 0; i < perUser; i += 1) {
      const at = user * perUser + i;
      const row = own.rows[i];
      hidden.set(row.hidden, at * tokens * hiddenSize);
      lower.set(row.pooled, at * lowerSize);
      for (let token = 0; token < row.tokens; token += 1) mask[2 * (at * tokens + token)] = 1;
    }
    targets.set(own.targets, user * perUser * outputs);
    weights.set(own.weights, user * perUser);
    for (let group = 0; group < groups; group += 1)
      rates[user * groups + group] = group === head ? own.headRate : own.adapterRate;
  }
  const perUserValue = (value: (user: TrainSlice['users'][number]) => number) =>
    new Tensor('float32', Float32Array.from(users, value), [count]);
  const counts = new BigInt64Array(users.map((user) => BigInt(user.outputs)));
  return {
    hidden: new Tensor('float32', hidden, [rows, tokens, hiddenSize]),
    attention_mask: new Tensor('int64', new BigInt64Array(mask.buffer), [rows, tokens]),
    [LOWER_FEATURES]: new Tensor('float32', lower, [rows, lowerSize]),
    targets: new Tensor('float32', targets, [rows, outputs]),
    row_weights: new Tensor('float32', weights, [rows]),
    label_counts: new Tensor('int64', counts, [count]),
    adapter_scale: perUserValue(({ adapterScale }) => adapterScale),
    label_smoothing: perUserValue(({ labelSmoothing }) => labelSmoothing),
    learning_rate: new Tensor('float32', rates, [count, groups]),
    weight_decay: perUserValue(({ weightDecay }) => weightDecay),
    clip_norm: perUserValue(({ clipNorm }) => clipNorm),
  };
}
