/** Convolution and pooling over any number of spatial axes. Layouts: x [B, C, …], weight [M, C/groups, …]. */
import { castCodes } from '../../builder.js';
import { int, ints, text } from '../emitter.js';
import type { Rule, Step } from '../rule.js';

interface Window {
  kernel: number[];
  strides: number[];
  dilations: number[];
  /** Padding before every spatial axis, then after every one. */
  pads: number[];
}

/** The sliding window with `auto_pad` resolved (onnx.ai, Conv: SAME pads so that output = ⌈input/stride⌉). */
function windowOf({ x, shape, attribute, fail }: Step, kernel: number[]): Window {
  const rank = kernel.length;
  const fill = (value: number) => Array.from({ length: rank }, () => value);
  const strides = attribute.ints('strides') ?? fill(1);
  const dilations = attribute.ints('dilations') ?? fill(1);
  const auto = attribute.text('auto_pad', 'NOTSET');
  if (attribute.int('ceil_mode', 0)) fail('ceil_mode has windows that reach beyond the padding');
  if (auto === 'NOTSET')
    return { kernel, strides, dilations, pads: attribute.ints('pads') ?? [...fill(0), ...fill(0)] };
  if (auto === 'VALID') return { kernel, strides, dilations, pads: [...fill(0), ...fill(0)] };
  const before: number[] = [];
  const after: number[] = [];
  for (let i = 0; i < rank; i++) {
    const size = shape(x[0])[i + 2];
    if (typeof size !== 'number') return fail(`auto_pad ${auto} with an image size that varies between runs`);
    const reach = (kernel[i] - 1) * dilations[i] + 1;
    const total = Math.max((Math.ceil(size / strides[i]) - 1) * strides[i] + reach - size, 0);
    const less = Math.floor(total / 2);
    before.push(auto === 'SAME_UPPER' ? less : total - less);
    after.push(auto === 'SAME_UPPER' ? total - less : less);
  }
  return { kernel, strides, dilations, pads: [...before, ...after] };
}

/**
 * The adjoint of a convolution in its input: every output's gradient is spread over its window by the same weights, which
 * is ConvTranspose (Dumoulin & Visin 2016, arXiv 1603.07285, ch. 4), cropped or padded to the input's size.
 */
function spread(step: Step, g: string, weight: string, window: Window, group: number): string {
  const { x, y, e, shape } = step;
  const rank = window.kernel.length;
  const [input, output] = [shape(x[0]).slice(2), shape(y[0]).slice(2)];
  const common = {
    strides: ints(window.strides),
    dilations: ints(window.dilations),
    group: int(group),
  };
  const missing = input.map((size, i) => {
    const out = output[i];
    if (typeof size !== 'number' || typeof out !== 'number') return Number.NaN;
    const reach = (window.kernel[i] - 1) * window.dilations[i] + 1;
    return size + window.pads[i] + window.pads[i + rank] - ((out - 1) * window.strides[i] + reach);
  });
  // What strides left unseen at the end: ConvTranspose calls it output_padding, always less than the stride.
  if (missing.every((extra) => extra >= 0)) {
    return e.op('ConvTranspose', [g, weight], {
      ...common,
      pads: ints(window.pads),
      output_padding: ints(missing),
    });
  }
  // Sizes that vary: spread without padding, then crop and fill to the input's size (Pad crops by negative widths).
  const whole = e.op('ConvTranspose', [g, weight], common);
  const before = window.pads.slice(0, rank).map((width) => -width);
  const spatial = Array.from({ length: rank }, (_, i) => i + 2);
  const sizes = (value: string) => e.op('Gather', [e.op('Shape', [value]), e.int64s(spatial)]);
  const front = e.int64s(before);
  const back = e.sub(e.sub(sizes(x[0]), sizes(whole)), front);
  return e.op('Pad', [whole, e.op('Concat', [front, back], { axis: int(0) }), step.c(0), e.int64s(spatial)]);
}

/** The sizes of the axes after batch and channels, at run time. */
const spatialDims = ({ e, shape }: Step, value: string): string =>
  e.op('Slice', [e.shapeOf(value), e.int64s([2]), e.int64s([shape(value).length])]);

/** Global pooling by mean: every position has 1/n of it. */
const globalAverage: Rule = (step) => [
  () => {
    const { x, y, g, e, type } = step;
    const positions = e.op('Div', [e.op('Size', [x[0]]), e.op('Size', [y[0]])]);
    const n = e.op('Cast', [positions], { to: int(castCodes[type(x[0])]) });
    return e.expandLike(e.div(g, n), x[0]);
  },
];

export const convolutions: Record<string, Rule> = {
  /**
   * y[b,m,o] = Σ_c,k x[b,c, o·stride + k·dilation − pad] · w[m,c,k] + bias[m].
   * ∂L/∂x: ConvTranspose of g with the same w. ∂L/∂w[m,c,k] = Σ_b,o x[b,c, o·stride + k·dilation − pad] · g[b,m,o]: itself a
   * convolution of x with kernel g, stride and dilation exchanged, batch and channels exchanged. ∂L/∂bias = Σ_b,o g.
   */
  Conv: (step) => {
    const {
      x: [x, weight],
      g,
      e,
      shape,
      attribute,
      fail,
    } = step;
    const weightShape = shape(weight);
    const kernel = weightShape
      .slice(2)
      .map((size) => (typeof size === 'number' ? size : fail('its kernel size varies')));
    const window = windowOf(step, kernel);
    const group = attribute.int('group', 1);
    const spatial = kernel.map((_, i) => i + 2);
    return [
      () => spread(step, g, weight, window, group),
      () => {
        const [m, perGroup] = weightShape.map(Number);
        // [B, C, …] → [C/groups, groups·B, …]: channels as batch, one group of B input channels for each group of filters.
        const split = e.op('Reshape', [
          x,
          e.op('Concat', [e.int64s([0, group, perGroup]), spatialDims(step, x)], { axis: int(0) }),
        ]);
        const batch = e.op('Reshape', [
          e.transpose(split, [2, 1, 0, ...kernel.map((_, i) => i + 3)]),
          e.op('Concat', [e.int64s([perGroup, -1]), spatialDims(step, x)], { axis: int(0) }),
        ]);
        const filters = e.transpose(g, [1, 0, ...spatial]);
        const correlated = e.op('Conv', [batch, filters], {
          strides: ints(window.dilations),
          dilations: ints(window.strides),
          pads: ints(window.pads),
          group: int(group),
        });
        // Where the stride does not divide, positions beyond the kernel appear: cut them off.
        const cut = e.op('Slice', [
          correlated,
          e.int64s(kernel.map(() => 0)),
          e.int64s(kernel),
          e.int64s(spatial),
        ]);
        return e.reshape(e.transpose(cut, [1, 0, ...spatial]), [m, perGroup, ...kernel]);
      },
      () => e.sum(g, [0, ...spatial], false),
    ];
  },

  /** The largest of each window takes its gradient; the operator's second output tells where it stood in the flat input. */
  MaxPool: (step) => [
    () => {
      const { x, g, e, c, output, attribute, fail } = step;
      if (attribute.int('storage_order', 0)) fail('storage_order 1 counts its indices by columns');
      const flat = e.op('Expand', [c(0), e.reshape(e.op('Size', [x[0]]), [1])]);
      const added = e.op('ScatterElements', [flat, e.reshape(output(1), [-1]), e.reshape(g, [-1])], {
        axis: int(0),
        reduction: text('add'),
      });
      return e.reshapeLike(added, x[0]);
    },
  ],

  /** y = mean of each window: g/n spread over the window, n counting padding only with count_include_pad. */
  AveragePool: (step) => [
    () => {
      const {
        x: [x],
        y: [y],
        g,
        e,
        c,
        attribute,
      } = step;
      const kernel = attribute.ints('kernel_shape') ?? [];
      const window = windowOf(step, kernel);
      const size = kernel.reduce((a, b) => a * b, 1);
      const padded = window.pads.some((width) => width > 0);
      let shared = e.div(g, c(size));
      if (padded && !attribute.int('count_include_pad', 0)) {
        // How many of each window's places lie inside: a convolution of ones with ones.
        const dims = e.op('Concat', [e.int64s([1, 1]), spatialDims(step, x)], { axis: int(0) });
        const inside = e.op('Conv', [e.op('Expand', [c(1), dims]), ones(step, kernel)], {
          strides: ints(window.strides),
          dilations: ints(window.dilations),
          pads: ints(window.pads),
        });
        shared = e.div(g, inside);
      }
      // Every channel alone: channels join the batch.
      const single = (value: string) =>
        e.op('Reshape', [value, e.op('Concat', [e.int64s([-1, 1]), spatialDims(step, y)], { axis: int(0) })]);
      const pulled = spread(step, single(shared), ones(step, kernel), window, 1);
      return e.reshapeLike(pulled, x);
    },
  ],

  GlobalAveragePool: globalAverage,

  /** The largest position of each channel takes the gradient; equal ones share it. */
  GlobalMaxPool: ({ x: [x], y: [y], g, e, shape, type }) => [
    () => {
      const hit = e.op('Cast', [e.op('Equal', [x, y])], { to: int(castCodes[type(x)]) });
      return e.mul(
        hit,
        e.div(
          g,
          e.sum(
            hit,
            shape(x)
              .map((_, i) => i)
              .slice(2),
          ),
        ),
      );
    },
  ],
};

const ones = ({ e, type, x }: Step, kernel: number[]): string =>
  e.constant(
    type(x[0]),
    [1, 1, ...kernel],
    Array.from({ length: kernel.reduce((a, b) => a * b, 1) }, () => 1),
  );
