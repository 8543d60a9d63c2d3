/** Asks the user's own model whether the derived gradient is right. */
import { encode } from '../autodiff/emitter.js';
import type { Feeds, OpenSession } from '../autodiff/probe.js';
import { GraphError } from '../error.js';
import { parameterOffsets } from '../inject/parameters.js';
import type { Tensor } from '../ir.js';
import { floatTensor, numbersOf } from '../tensor.js';
import type { TrainingGraph } from '../train/training-graph.js';
import { holdBranches, startInput } from './hold-branches.js';

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
  /** Whether users stacked in one run leave each other alone. */
  isolated: boolean;
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

/** The longest step along a direction, and how far the loss may go by one where it is steep: beyond, it bends too much. */
const REACH = 0.05;
const CLIMB = 0.1;
/**
 * Shares of the loss that it may go by instead, where the slopes disagree or nearly do: of a large loss a change by `CLIMB` is lost in its
 * rounding. A wrong gradient disagrees at every length.
 */
const LONGER = [0.01, 0.1];

/**
 * Compares the slope of the loss along chosen directions with the derived gradient: for each parameter the direction of its own gradient,
 * where the signal is largest, and a random one, which sees what the gradient may have missed.
 *
 * All perturbed copies are users of one stacked run, so that the check costs two runs however many parameters there are. The slope is
 * (8(L₊₁ − L₋₁) − (L₊₂ − L₋₂))/12h, wrong by O(h⁴) and by float32's rounding of the loss over h: allowed are 1 % of the slope, or of the
 * gradient's typical slope in a random direction, plus that rounding, taken as 10⁻⁶·|L|/h. Functions with kinks keep the branch that
 * they take at the start (`holdBranches`), so that there is a slope to measure.
 *
 * Stacking itself is checked too: a user's loss must not depend on who else is in the run.
 */
export async function selfCheck(
  training: TrainingGraph,
  { rows = 2, tokens = 4, labels = 3, random }: SelfCheckOptions,
  open: OpenSession,
): Promise<SelfCheckReport> {
  const { layout } = training;
  const one = training.sample({ users: 1, rowsPerUser: rows, tokens, labels });
  // Away from zero, so that B's gradient and A's are both alive; scores far apart, so that the loss is steep.
  const start = new Float32Array(numbersOf(one.parameters).length);
  for (const { parameter, offset, size } of parameterOffsets(layout, labels)) {
    const bound = parameter.shape.includes('labels') ? 1 : parameter.decay ? 0.1 : 0.03;
    for (let i = 0; i < size; i++) start[offset + i] = (random() * 2 - 1) * bound;
  }
  const parameters: Tensor = { ...one.parameters, data: encode('float32', start) };

  const gradientSession = await open(training.gradient);
  const answers = await gradientSession.run(only(training.gradient.graph.inputs, { ...one, parameters }));
  await gradientSession.close();
  const gradient = numbersOf(answers.gradient);
  const [loss] = numbersOf(answers.loss);

  const plans = parameterOffsets(layout, labels).flatMap(({ parameter, offset, size }) => {
    const own = Float64Array.from(gradient.slice(offset, offset + size));
    const norm = length(own);
    const plan = (direction: Check['direction'], vector: Float64Array): Plan => {
      const reach = length(vector);
      const unit = reach > 0 ? vector.map((value) => value / reach) : vector;
      return {
        parameter: parameter.name,
        direction,
        offset,
        unit,
        reach: (climb) => Math.min(REACH, climb / norm),
        derived: dot(unit, own),
        typical: norm / Math.sqrt(size),
      };
    };
    return [
      plan('gradient', own),
      plan(
        'random',
        own.map(() => random() * 2 - 1),
      ),
    ];
  });

  const forward = holdBranches(training.forward);
  const session = await open(forward);
  /** Of each plan the slope by steps along its direction, as long as the loss may go by `climb`. */
  const measure = async (some: Plan[], climb: number): Promise<Check[]> => {
    const steps = [1, -1, 2, -2];
    const moves = some.flatMap(({ offset, unit, reach }) =>
      steps.map((step) => ({ offset, unit, step: step * reach(climb) })),
    );
    const losses: number[] = [];
    // As many users in a run as keep the copies of the parameters within some MB.
    const perRun = Math.max(1, Math.min(64, Math.floor(4e6 / start.length)));
    for (let at = 0; at < moves.length; at += perRun) {
      const feeds = repeatUsers(one, start, moves.slice(at, at + perRun));
      losses.push(...numbersOf((await session.run(only(forward.graph.inputs, feeds))).loss));
    }
    return some.map((plan, i) =>
      judge(plan, plan.reach(climb), losses.slice(steps.length * i, steps.length * (i + 1))),
    );
  };
  try {
    const checks = await measure(plans, CLIMB);
    for (const share of LONGER) {
      // Those that passed narrowly too, or the machine's way of rounding would decide.
      const doubtful = [...checks.keys()].filter((i) => checks[i].excess > 0.5);
      const again = await measure(
        doubtful.map((i) => plans[i]),
        Math.max(CLIMB, share * Math.abs(loss)),
      );
      for (const [at, i] of doubtful.entries())
        if (again[at].excess < checks[i].excess) checks[i] = again[at];
    }
    // Beside a stranger far from it, the first user's loss is what it was alone.
    const turned = Float64Array.from(start, (value, i) => 3 * start[(i + 1) % start.length] - value);
    const whole = { offset: 0, unit: turned };
    const beside = repeatUsers(one, start, [
      { ...whole, step: 0 },
      { ...whole, step: 1 },
    ]);
    const [among] = numbersOf((await session.run(only(forward.graph.inputs, beside))).loss);
    const isolated = Math.abs(among - loss) <= 1e-5 * Math.max(1, Math.abs(loss));
    const passed = isolated && checks.every(({ excess }) => excess <= 1);
    return { passed, isolated, checks, text: describe(checks, isolated) };
  } finally {
    await session.close();
  }
}

/** One direction to try: the parameter's place, the direction of unit length, and what the gradient says of it. */
interface Plan {
  parameter: string;
  direction: Check['direction'];
  offset: number;
  unit: Float64Array;
  /** How far to step, when the loss may go by that much. */
  reach(climb: number): number;
  derived: number;
  /** The slope that a random direction typically has. */
  typical: number;
}

function judge(
  { parameter, direction, derived, typical }: Plan,
  reach: number,
  [up, down, up2, down2]: number[],
): Check {
  const measured = (8 * (up - down) - (up2 - down2)) / (12 * reach);
  const rounding = (1e-6 * Math.max(1, Math.abs(up))) / reach;
  const allowed = 0.01 * Math.max(Math.abs(derived), typical) + rounding;
  const excess = Math.abs(derived - measured) / allowed;
  return {
    parameter,
    direction,
    derived,
    measured,
    excess: Number.isNaN(excess) ? Number.POSITIVE_INFINITY : excess,
  };
}

/** The report, and an error with its text where the check failed: `self_check_failed`. */
export function requirePassed(report: SelfCheckReport): void {
  if (!report.passed) throw new GraphError('self_check_failed', report.text);
}

const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const length = (a: Float64Array) => Math.sqrt(dot(a, a));

const only = (inputs: { name: string }[], feeds: Feeds): Feeds =>
  Object.fromEntries(inputs.map(({ name }) => [name, feeds[name]]));

/** One user's inputs for many, who differ in their parameters: `start`, each moved. Every input's first dimension is users or rows. */
function repeatUsers(
  one: Feeds,
  start: Float32Array,
  moves: { offset: number; unit: Float64Array; step: number }[],
): Feeds {
  const users = moves.length;
  const feeds: Feeds = {};
  for (const [name, tensor] of Object.entries(one)) {
    if (name === 'parameters') continue;
    const data = new Uint8Array(tensor.data.byteLength * users);
    for (let user = 0; user < users; user++) data.set(tensor.data, user * tensor.data.byteLength);
    const [first, ...rest] = tensor.dims;
    feeds[name] = { ...tensor, dims: [first * users, ...rest], data };
  }
  const parameters = new Float32Array(users * start.length);
  for (const [user, { offset, unit, step }] of moves.entries()) {
    parameters.set(start, user * start.length);
    const at = user * start.length + offset;
    for (let i = 0; i < unit.length; i++) parameters[at + i] += step * unit[i];
  }
  const dims = [users, start.length];
  feeds.parameters = floatTensor(parameters, dims);
  const unmoved = new Float32Array(users * start.length);
  for (let user = 0; user < users; user++) unmoved.set(start, user * start.length);
  feeds[startInput] = floatTensor(unmoved, dims);
  return feeds;
}

function describe(checks: Check[], isolated: boolean): string {
  const failed = checks.filter(({ excess }) => excess > 1);
  const worst = [...checks].sort((a, b) => b.excess - a.excess).slice(0, 8);
  const mixed = isolated
    ? []
    : [
        'Users stacked in one run change each other: a layer is not laid out with rows first; this model cannot be trained.',
      ];
  const head =
    failed.length === 0
      ? `The derived gradient agrees with finite differences in all ${checks.length} directions.`
      : `The derived gradient disagrees with finite differences in ${failed.length} of ${checks.length} directions; this model cannot be trained.`;
  const lines = worst.map(
    ({ parameter, direction, derived, measured, excess }) =>
      `  ${excess > 1 ? 'FAILED' : 'ok    '} ${parameter} along ${direction === 'gradient' ? 'its gradient' : 'a random direction'}: ` +
      `derived ${derived.toPrecision(4)}, measured ${measured.toPrecision(4)}, ${excess.toFixed(2)} of the allowed difference`,
  );
  return [...mixed, head, ...lines].join('\n');
}
