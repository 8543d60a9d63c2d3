/** Asks the user's own model whether the derived gradient is right. */
import { encode } from '../autodiff/emitter.js';
import type { Feeds, OpenSession } from '../autodiff/probe.js';
import { GraphError } from '../error.js';
import { offsetsOf } from '../inject/parameters.js';
import type { Tensor } from '../ir.js';
import { numbersOf } from '../tensor.js';
import type { TrainingGraph } from '../train/training-graph.js';

export interface Check {
  /** The parameter that was moved. */
  parameter: string;
  direction: 'gradient' | 'random';
  /** The slope along the direction: from the derived gradient, and from two losses. */
  derived: number;
  measured: number;
  /** |derived − measured| in units of what is allowed; above 1 the check fails. */
  excess: number;
}

export interface SelfCheckReport {
  passed: boolean;
  checks: Check[];
  /** The same as text, the worst first. */
  text: string;
}

export interface SelfCheckOptions {
  rows?: number;
  tokens?: number;
  labels?: number;
  /** In [0, 1); for the parameters and directions. */
  random: () => number;
}

/** The sizes of a step along a direction of unit length. */
const REACH = 0.05;

/**
 * Compares the slope of the loss along chosen directions with the derived gradient: for each parameter the direction of its own gradient,
 * where the signal is largest, and a random one, which sees what the gradient may have missed.
 *
 * All perturbed copies are users of one stacked run, so that the check costs two runs however many parameters there are. The slope is
 * (8(L₊₁ − L₋₁) − (L₊₂ − L₋₂))/12h, wrong by O(h⁴) and by float32's rounding of the loss over h: allowed are 1 % of the slope plus
 * that rounding, measured as 2·10⁻⁶·|L|/h, plus 1 % of the gradient's typical slope in a random direction.
 */
export async function selfCheck(
  training: TrainingGraph,
  { rows = 2, tokens = 5, labels = 3, random }: SelfCheckOptions,
  open: OpenSession,
): Promise<SelfCheckReport> {
  const { layout } = training;
  const one = training.sample({ users: 1, rowsPerUser: rows, tokens, labels });
  // Nothing but the trained numbers themselves: away from zero, so that B's gradient and A's are both alive.
  const start = Float32Array.from(
    { length: numbersOf(one.parameters).length },
    () => (random() * 2 - 1) * 0.1,
  );
  const parameters: Tensor = { ...one.parameters, data: encode('float32', start) };

  const gradientSession = await open(training.gradient);
  const answers = await gradientSession.run(only(training.gradient.graph.inputs, { ...one, parameters }));
  await gradientSession.close();
  const gradient = numbersOf(answers.gradient);

  const plans = offsetsOf(layout, labels).flatMap(({ parameter, offset, size }) => {
    const own = gradient.slice(offset, offset + size);
    const along = (direction: Check['direction'], vector: number[]) => {
      const length = Math.hypot(...vector);
      const unit = length > 0 ? vector.map((value) => value / length) : vector;
      return {
        parameter: parameter.name,
        direction,
        offset,
        unit,
        derived: dot(unit, own),
        norm: Math.hypot(...own) / Math.sqrt(size),
      };
    };
    return [
      along('gradient', own),
      along(
        'random',
        own.map(() => random() * 2 - 1),
      ),
    ];
  });

  const session = await open(training.forward);
  const losses: number[] = [];
  const steps = [1, -1, 2, -2];
  try {
    const copies = plans.flatMap(({ offset, unit }) =>
      steps.map((step) => {
        const moved = start.slice();
        for (const [i, value] of unit.entries()) moved[offset + i] += step * REACH * value;
        return moved;
      }),
    );
    // As many users in a run as keep the parameters' copies within some MB.
    const perRun = Math.max(1, Math.min(64, Math.floor(4e6 / start.length)));
    for (let at = 0; at < copies.length; at += perRun) {
      const users = copies.slice(at, at + perRun);
      const feeds = repeatUsers(one, users);
      losses.push(...numbersOf((await session.run(only(training.forward.graph.inputs, feeds))).loss));
    }
  } finally {
    await session.close();
  }

  const checks = plans.map(({ parameter, direction, derived, norm }, i): Check => {
    const [up, down, up2, down2] = losses.slice(4 * i, 4 * i + 4);
    const measured = (8 * (up - down) - (up2 - down2)) / (12 * REACH);
    const allowed = 0.01 * Math.max(Math.abs(derived), norm) + (2e-6 * Math.max(1, Math.abs(up))) / REACH;
    const excess = Math.abs(derived - measured) / allowed;
    return {
      parameter,
      direction,
      derived,
      measured,
      excess: Number.isNaN(excess) ? Number.POSITIVE_INFINITY : excess,
    };
  });
  const passed = checks.every(({ excess }) => excess <= 1);
  return { passed, checks, text: describe(checks, passed) };
}

/** The report, and an error with its text where the check failed: `self_check_failed`. */
export function requirePassed(report: SelfCheckReport): void {
  if (!report.passed) throw new GraphError('self_check_failed', report.text);
}

const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i], 0);

const only = (inputs: { name: string }[], feeds: Feeds): Feeds =>
  Object.fromEntries(inputs.map(({ name }) => [name, feeds[name]]));

/** The inputs of one user, repeated for each of several parameter vectors: every input's first dimension is users or rows. */
function repeatUsers(one: Feeds, users: Float32Array[]): Feeds {
  const repeated = Object.entries(one).map(([name, tensor]): [string, Tensor] => {
    const data = new Uint8Array(tensor.data.byteLength * users.length);
    for (const [i] of users.entries()) data.set(tensor.data, i * tensor.data.byteLength);
    const [first, ...rest] = tensor.dims;
    return [name, { ...tensor, dims: [first * users.length, ...rest], data }];
  });
  const stacked = new Float32Array(users.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const vector of users) {
    stacked.set(vector, at);
    at += vector.length;
  }
  const parameters: Tensor = {
    type: 'float32',
    dims: [users.length, users[0].length],
    data: new Uint8Array(stacked.buffer),
  };
  return { ...Object.fromEntries(repeated), parameters };
}

function describe(checks: Check[], passed: boolean): string {
  const failed = checks.filter(({ excess }) => excess > 1);
  const worst = [...checks].sort((a, b) => b.excess - a.excess).slice(0, 8);
  const head = passed
    ? `The derived gradient agrees with finite differences in all ${checks.length} directions.`
    : `The derived gradient disagrees with finite differences in ${failed.length} of ${checks.length} directions; this model cannot be trained.`;
  const lines = worst.map(
    ({ parameter, direction, derived, measured, excess }) =>
      `  ${excess > 1 ? 'FAILED' : 'ok    '} ${parameter} along ${direction === 'gradient' ? 'its gradient' : 'a random direction'}: ` +
      `derived ${derived.toPrecision(4)}, measured ${measured.toPrecision(4)}, ${excess.toFixed(2)} of the allowed difference`,
  );
  return [head, ...lines].join('\n');
}
