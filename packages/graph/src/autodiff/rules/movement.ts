/** Operators that only move elements: the gradient moves back; where elements were dropped it is zero. */
import { castCodes } from '../../builder.js';
import type { Pull, Rule, Step } from '../rule.js';

/** The same elements in another shape. */
const reshaped: Rule = ({ x, g, e }) => [() => e.reshapeLike(g, x[0])];

const axisOf = ({ attribute, shape, x }: Step, absent: number): number => {
  const axis = attribute.int('axis', absent);
  return axis < 0 ? axis + shape(x[0]).length : axis;
};

/** One dimension at run time as int64 vector of length 1. */
const dim = ({ e, shape }: Step, value: string, axis: number): string => {
  const known = shape(value)[axis];
  return typeof known === 'number' ? e.int64s([known]) : e.op('Gather', [e.shapeOf(value), e.int64s([axis])]);
};

export const movement: Record<string, Rule> = {
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,

  /** yₚ = x: the inverse permutation. An absent `perm` reverses the axes. */
  Transpose: ({ x, g, e, shape, attribute }) => [
    () => {
      const rank = shape(x[0]).length;
      const perm = attribute.ints('perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
      const inverse = Array.from({ length: rank }, (_, i) => perm.indexOf(i));
      return e.transpose(g, inverse);
    },
  ],

  /** x repeated along broadcast axes: copies add up. */
  Expand: ({ x, y, g, e, shape }) => [() => e.sumTo(g, shape(y[0]), shape(x[0]))],

  /** x repeated r times along each axis: seen as [r₀, d₀, r₁, d₁ …], the copies along every rᵢ add up. */
  Tile: ({ x: [x, repeats], g, e, shape }) => [
    () => {
      const rank = shape(x).length;
      const pairs = e.op('Concat', [e.unsqueeze(repeats, [1]), e.unsqueeze(e.shapeOf(x), [1])], {
        axis: { kind: 'int', value: 1 },
      });
      const split = e.op('Reshape', [g, e.reshape(pairs, [-1])]);
      return e.sum(
        split,
        Array.from({ length: rank }, (_, i) => 2 * i),
        false,
      );
    },
  ],

  /** Inputs side by side: each takes its own piece. */
  Concat: (step) => {
    const { x, g, e, shape } = step;
    const axis = axisOf(step, 0);
    const sizes = x.map((v) => shape(v)[axis]);
    const pieces = () =>
      e.ops(
        'Split',
        [
          g,
          sizes.every((size) => typeof size === 'number')
            ? e.int64s(sizes)
            : e.op(
                'Concat',
                x.map((v) => dim(step, v, axis)),
                { axis: { kind: 'int', value: 0 } },
              ),
        ],
        x.length,
        { axis: { kind: 'int', value: axis } },
      );
    return x.map((_, i) => () => pieces()[i]);
  },

  /** Pieces of x: side by side again; a piece that the loss does not see counts zero. */
  Split: (step) => [
    () =>
      step.e.op(
        'Concat',
        step.y.map((y, i) => step.gs[i] ?? step.e.zerosLike(y)),
        {
          axis: { kind: 'int', value: axisOf(step, 0) },
        },
      ),
  ],

  /** A border around x: cut off again, which Pad itself does when given the negative widths. */
  Pad: ({ x: [, pads, , axes], g, e, c, attribute, fail }) => [
    () => {
      const mode = attribute.text('mode', 'constant');
      if (mode !== 'constant')
        fail(`mode "${mode}" repeats elements of its input; only "constant" has a rule`);
      const back = e.op('Neg', [pads]);
      return e.op('Pad', axes ? [g, back, c(0), axes] : [g, back]);
    },
  ],

  /**
   * y = x[start:end:step] along some axes: zeros around the kept part. Steps of 1 with a constant start need one Pad;
   * anything else goes axis by axis, adding g into zeros at the positions that the slice would take.
   */
  Slice: (step) => {
    const { x, y, g, e, shape, constant } = step;
    const [input, starts, ends, axesInput, stepsInput] = x;
    return [
      () => {
        const rank = shape(input).length;
        const begin = constant(starts);
        const axes = axesInput ? constant(axesInput) : begin?.map((_, i) => i);
        const steps = stepsInput ? constant(stepsInput) : begin?.map(() => 1);
        if (!axes) return step.fail('its axes are computed at run time');
        const positive = axes.map((axis) => (axis < 0 ? axis + rank : axis));
        const dims = positive.map((axis) => shape(input)[axis]);
        const from = begin?.map((at, i) => {
          const size = dims[i];
          if (typeof size !== 'number') return at >= 0 ? at : Number.NaN;
          return Math.min(Math.max(at < 0 ? at + size : at, 0), size);
        });
        if (from?.every((at) => !Number.isNaN(at)) && steps?.every((width) => width === 1)) {
          const before = e.int64s(from);
          const size = (value: string) =>
            e.op(
              'Concat',
              positive.map((axis) => dim(step, value, axis)),
              { axis: { kind: 'int', value: 0 } },
            );
          const known = positive.map((axis, i) => {
            const [whole, kept] = [dims[i], shape(y[0])[axis]];
            return typeof whole === 'number' && typeof kept === 'number'
              ? whole - kept - from[i]
              : Number.NaN;
          });
          const pads = known.every((width) => !Number.isNaN(width))
            ? e.int64s([...from, ...known])
            : e.op('Concat', [before, e.sub(e.sub(size(input), size(y[0])), before)], {
                axis: { kind: 'int', value: 0 },
              });
          return e.op('Pad', [g, pads, step.c(0), e.int64s(positive)]);
        }
        // Places may be int32; what they are mixed with here is int64.
        const one = (vector: string, i: number) => {
          const place = e.op('Gather', [vector, e.int64s([i])]);
          return step.type(vector) === 'int64'
            ? place
            : e.op('Cast', [place], { to: { kind: 'int', value: castCodes.int64 } });
        };
        let gradient = g;
        for (const [i, axis] of positive.entries()) {
          const size = dim(step, input, axis);
          const scalar = e.op('Squeeze', [size]);
          const zero = e.constant('int64', [], [0]);
          const all = e.op('Range', [zero, scalar, e.constant('int64', [], [1])]);
          const taken = e.op('Slice', [
            all,
            one(starts, i),
            one(ends, i),
            e.int64s([0]),
            stepsInput ? one(stepsInput, i) : e.int64s([1]),
          ]);
          gradient = scatterAdd(step, gradient, taken, size, axis, rank);
        }
        return gradient;
      },
    ];
  },

  /** y = x[:, indices, :]: g is added into zeros at those indices, again and again where an index repeats. */
  Gather: (step) => {
    const {
      x: [x, indices],
      g,
      e,
      shape,
    } = step;
    return [
      () => {
        const axis = axisOf(step, 0);
        const rank = shape(x).length;
        const indexRank = shape(indices).length;
        let flat = g;
        if (indexRank === 0) flat = e.unsqueeze(g, [axis]);
        else if (indexRank > 1) {
          const shapeX = e.shapeOf(x);
          const parts = [
            ...(axis > 0 ? [e.op('Slice', [shapeX, e.int64s([0]), e.int64s([axis])])] : []),
            e.int64s([-1]),
            ...(axis < rank - 1 ? [e.op('Slice', [shapeX, e.int64s([axis + 1]), e.int64s([rank])])] : []),
          ];
          flat = e.op('Reshape', [g, e.op('Concat', parts, { axis: { kind: 'int', value: 0 } })]);
        }
        return scatterAdd(step, flat, e.reshape(indices, [-1]), dim(step, x, axis), axis, rank);
      },
    ];
  },

  /** yᵢⱼ = x[indexᵢⱼ, j]: the same, with one index for each element. */
  GatherElements: (step) => [
    () =>
      step.e.op('ScatterElements', [step.e.zerosLike(step.x[0]), step.x[1], step.g], {
        axis: { kind: 'int', value: axisOf(step, 0) },
        reduction: { kind: 'string', value: 'add' },
      }),
  ],

  /** y = x on one side of a diagonal, 0 on the other: so is the gradient. */
  Trilu: ({ node, x, g, e }) =>
    [() => e.op('Trilu', x[1] ? [g, x[1]] : [g], node.attributes)] satisfies Pull[],
};

/** Zeros with `size` along `axis`, into which slices of g along it are added at `at` (int64 vector). */
function scatterAdd({ e, c }: Step, g: string, at: string, size: string, axis: number, rank: number): string {
  const shape = e.op('Shape', [g]);
  const concat = { axis: { kind: 'int', value: 0 } } as const;
  const whole = e.op(
    'Concat',
    [
      ...(axis > 0 ? [e.op('Slice', [shape, e.int64s([0]), e.int64s([axis])])] : []),
      size,
      ...(axis < rank - 1 ? [e.op('Slice', [shape, e.int64s([axis + 1]), e.int64s([rank])])] : []),
    ],
    concat,
  );
  const column = Array.from({ length: rank }, (_, i) => (i === axis ? -1 : 1));
  return e.op(
    'ScatterElements',
    [e.op('Expand', [c(0), whole]), e.op('Expand', [e.reshape(at, column), shape]), g],
    { axis: { kind: 'int', value: axis }, reduction: { kind: 'string', value: 'add' } },
  );
}
