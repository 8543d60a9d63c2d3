import type { ParameterLayout } from '@scion/graph';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { LOWER_FEATURES } from '../lora/training-base.js';
import type { FitState, TrainSlice, TrainSliceResult, TrainStep } from './protocol.js';
import type { Projections } from './session-projections.js';

export interface StepSession {
  run(slice: TrainSlice): Promise<TrainSliceResult>;
  close(): Promise<void>;
}

/** Runs slices of training, step after step, over an open session of the training graph. */
export function createSteps(
  session: InferenceSession,
  projections: Projections,
  { layout, hiddenSize }: { layout: ParameterLayout; hiddenSize: number },
): StepSession {
  const wanted = new Set(session.inputNames);
  const head = layout.groups.indexOf('head');
  return {
    async run({ users, steps, keepProjections }) {
      const [{ outputs }] = users;
      let state = stack(users);
      const losses: number[][] = [];
      const computed: TrainSliceResult['computed'] = [];
      for (const [done, step] of steps.entries()) {
        const at = Float32Array.from(users, ({ state: own }) => own.step + done + 1);
        const rows = step.flatMap((own) => own.rows);
        const missing = [...rows.keys()].filter((row) => rows[row].projections === undefined);
        const projected = rows.map((row) => row.projections);
        if (missing.length > 0) {
          const found = await projections.of(
            missing.map((row) => rows[row]),
            keepProjections,
          );
          for (const [i, row] of missing.entries()) projected[row] = found[i];
          if (keepProjections)
            for (const [i, row] of missing.entries())
              computed.push({ step: done, row, projections: found[i] });
        }
        const feeds: Record<string, Tensor> = {
          ...stepFeeds(step, { users, outputs, hiddenSize, groups: layout.groups.length, head }),
          ...projections.inputs(rows, projected as Float32Array[], step[0].tokens),
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
      return { states: unstack(users, state, steps.length), losses, computed };
    },
    async close() {
      await session.release();
      await projections.close();
    },
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
