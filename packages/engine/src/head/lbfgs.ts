import { dot } from './matrix.js';

/**
 * Limited-memory BFGS with a strong-Wolfe line search: J. Nocedal and S. J. Wright, Numerical Optimization, 2nd
 * edition (2006), algorithms 7.4 (two-loop recursion), 7.5, 3.5 (line search) and 3.6 (zoom). Deterministic. The
 * packages npm has for it were last released years ago or build autodiff in; what is needed is this page.
 */
export interface MinimizeOptions {
  maxIterations: number;
  /** Done when the gradient is no longer than this, by the Euclidean norm. */
  gradientTolerance: number;
  /** Called with the point that each iteration accepted. May throw, to stop. */
  onIteration?(iteration: number, value: number, x: Float64Array): void | Promise<void>;
}

export interface Minimum {
  x: Float64Array;
  value: number;
  iterations: number;
  /** False where the iterations ran out, or where rounding lets the line search go no lower. */
  converged: boolean;
}

/** Comes to the value at `x` and writes the gradient. */
export type Objective = (x: Float64Array, gradient: Float64Array) => number | Promise<number>;

/** Pairs of steps and gradient changes kept: N&W suggest 3 to 20. */
const MEMORY = 10;
/** Sufficient decrease and curvature (N&W 3.7), the constants recommended for quasi-Newton methods. */
const C1 = 1e-4;
const C2 = 0.9;
const MAX_SEARCH_STEPS = 20;

interface Pair {
  step: Float64Array;
  change: Float64Array;
  rho: number;
}

export async function minimize(
  objective: Objective,
  start: Float64Array,
  options: MinimizeOptions,
): Promise<Minimum> {
  const size = start.length;
  let x: Float64Array = start.slice();
  let gradient: Float64Array = new Float64Array(size);
  let value = await objective(x, gradient);
  const pairs: Pair[] = [];
  let iterations = 0;
  while (iterations < options.maxIterations) {
    if (norm(gradient) <= options.gradientTolerance) return { x, value, iterations, converged: true };
    let direction = twoLoop(gradient, pairs);
    let slope = dot(direction, 0, gradient, 0, size);
    if (!(slope < 0)) {
      // Rounding spoiled the curvature estimate: forget it and follow the gradient.
      pairs.length = 0;
      direction = gradient.map((g) => -g);
      slope = -dot(gradient, 0, gradient, 0, size);
    }
    const first = pairs.length === 0 ? Math.min(1, 1 / Math.sqrt(-slope)) : 1;
    const found = await search(objective, x, value, direction, slope, first);
    if (found === undefined) return { x, value, iterations, converged: false };
    const step = new Float64Array(size);
    const change = new Float64Array(size);
    for (let i = 0; i < size; i += 1) {
      step[i] = found.x[i] - x[i];
      change[i] = found.gradient[i] - gradient[i];
    }
    const curvature = dot(step, 0, change, 0, size);
    // Strong Wolfe makes it positive but for rounding; a pair without curvature would spoil the estimate.
    if (curvature > 1e-14 * dot(change, 0, change, 0, size)) {
      if (pairs.length === MEMORY) pairs.shift();
      pairs.push({ step, change, rho: 1 / curvature });
    }
    ({ x, value, gradient } = found);
    iterations += 1;
    await options.onIteration?.(iterations, value, x);
  }
  return { x, value, iterations, converged: norm(gradient) <= options.gradientTolerance };
}

function twoLoop(gradient: Float64Array, pairs: Pair[]): Float64Array {
  const size = gradient.length;
  const q = gradient.slice();
  const alphas = new Float64Array(pairs.length);
  for (let k = pairs.length - 1; k >= 0; k -= 1) {
    const { step, change, rho } = pairs[k];
    const alpha = rho * dot(step, 0, q, 0, size);
    alphas[k] = alpha;
    for (let i = 0; i < size; i += 1) q[i] -= alpha * change[i];
  }
  const last = pairs.at(-1);
  // The initial inverse Hessian, N&W (7.20).
  const scale = last === undefined ? 1 : 1 / (last.rho * dot(last.change, 0, last.change, 0, size));
  for (let i = 0; i < size; i += 1) q[i] *= scale;
  for (let k = 0; k < pairs.length; k += 1) {
    const { step, change, rho } = pairs[k];
    const beta = alphas[k] - rho * dot(change, 0, q, 0, size);
    for (let i = 0; i < size; i += 1) q[i] += beta * step[i];
  }
  for (let i = 0; i < size; i += 1) q[i] = -q[i];
  return q;
}

interface Point {
  t: number;
  x: Float64Array;
  value: number;
  slope: number;
  gradient: Float64Array;
}

/** A step length that satisfies the strong Wolfe conditions, or the lowest point found, or none that is lower. */
async function search(
  objective: Objective,
  origin: Float64Array,
  value0: number,
  direction: Float64Array,
  slope0: number,
  first: number,
): Promise<Point | undefined> {
  const size = origin.length;
  const at = async (t: number): Promise<Point> => {
    const x = new Float64Array(size);
    const gradient = new Float64Array(size);
    for (let i = 0; i < size; i += 1) x[i] = origin[i] + t * direction[i];
    const value = await objective(x, gradient);
    return { t, x, value, slope: dot(gradient, 0, direction, 0, size), gradient };
  };
  const tooHigh = (point: Point) => !(point.value <= value0 + C1 * point.t * slope0);
  const flat = (point: Point) => Math.abs(point.slope) <= -C2 * slope0;

  let low: Pick<Point, 't' | 'value' | 'slope'> & Partial<Point> = { t: 0, value: value0, slope: slope0 };
  let high: typeof low | undefined;
  let t = first;
  for (let tries = 0; tries < MAX_SEARCH_STEPS; tries += 1) {
    const point = await at(t);
    if (tooHigh(point) || (tries > 0 && point.value >= low.value)) {
      high = point;
    } else {
      if (flat(point)) return point;
      if (high === undefined ? point.slope >= 0 : point.slope * (high.t - low.t) >= 0) high = low;
      low = point;
    }
    t = high === undefined ? further(point, slope0) : between(low, high);
  }
  return low.x !== undefined && low.value < value0 ? (low as Point) : undefined;
}

/** Where a straight slope would reach zero, yet two to ten times as far: the first step's scale is only a guess. */
function further({ t, slope }: Point, slope0: number): number {
  const secant = (t * slope0) / (slope0 - slope);
  return Math.min(10 * t, Math.max(2 * t, secant > 0 ? secant : 10 * t));
}

/** The minimum of the cubic through both ends (N&W 3.59), kept away from them so that the bracket shrinks. */
function between(a: Pick<Point, 't' | 'value' | 'slope'>, b: Pick<Point, 't' | 'value' | 'slope'>): number {
  const width = b.t - a.t;
  const d1 = a.slope + b.slope - (3 * (a.value - b.value)) / (a.t - b.t);
  const square = d1 * d1 - a.slope * b.slope;
  if (square >= 0) {
    const d2 = Math.sign(width) * Math.sqrt(square);
    const share = 1 - (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2);
    if (share > 0.1 && share < 0.9) return a.t + share * width;
  }
  return a.t + width / 2;
}

function norm(vector: Float64Array): number {
  return Math.sqrt(dot(vector, 0, vector, 0, vector.length));
}
