/** Reductions along axes, and the softmax family. */
import { castCodes } from '../../builder.js';
import type { Rule, Step } from '../rule.js';
import { rowSums } from '../sums.js';

/** The reduced axes, counted from the front. All of them where none are given (unless `noop_with_empty_axes`). */
function axesOf({ x, shape, constant, attribute, fail }: Step): number[] {
  const rank = shape(x[0]).length;
  if (!x[1]) return attribute.int('noop_with_empty_axes', 0) ? [] : Array.from({ length: rank }, (_, i) => i);
  const axes = constant(x[1]);
  if (!axes) return fail('its axes are computed at run time');
  if (axes.length === 0 && !attribute.int('noop_with_empty_axes', 0)) {
    return Array.from({ length: rank }, (_, i) => i);
  }
  return axes.map((axis) => (axis < 0 ? axis + rank : axis));
}

/** A value of the reduced shape with the reduced axes back as 1, so that it broadcasts against the input. */
const kept = (step: Step, value: string): string =>
  step.attribute.int('keepdims', 1) ? value : step.e.unsqueeze(value, axesOf(step));

/** How many elements were folded into one, as scalar of the node's type. */
function count(step: Step): string {
  const { x, e, shape, c, type } = step;
  const dims = axesOf(step).map((axis) => shape(x[0])[axis]);
  if (dims.every((size) => typeof size === 'number')) return c(dims.reduce((a, b) => a * b, 1));
  const sizes = e.op('Gather', [e.shapeOf(x[0]), e.int64s(axesOf(step))]);
  const product = e.op('ReduceProd', [sizes], { keepdims: { kind: 'int', value: 0 } });
  return e.op('Cast', [product], { to: { kind: 'int', value: castCodes[type(x[0])] } });
}

/** The extreme takes the gradient; equal ones share it evenly (as torch.amax). Over no axis it is the element itself. */
const extreme: Rule = (step) => {
  const {
    x: [x],
    y: [y],
    g,
    e,
    type,
  } = step;
  return [
    () => {
      if (axesOf(step).length === 0) return g;
      const hit = e.op('Cast', [e.op('Equal', [x, kept(step, y)])], {
        to: { kind: 'int', value: castCodes[type(x)] },
      });
      return e.mul(hit, e.div(kept(step, g), e.sum(hit, axesOf(step))));
    },
  ];
};

/** The softmax axis, counted from the front; the last where absent (opset 13). */
const softmaxAxis = ({ x, shape, attribute }: Step): number => {
  const axis = attribute.int('axis', -1);
  return axis < 0 ? axis + shape(x[0]).length : axis;
};

/** Σ along the softmax axis, which is kept as 1. */
const alongSoftmax = (step: Step, value: string): string => {
  const axis = softmaxAxis(step);
  const rank = step.shape(step.x[0]).length;
  return rank > 2 && axis === rank - 1 ? rowSums(step.e, value) : step.e.sum(value, [axis]);
};

/**
 * Σ gy along the last axis where it can be had from smaller values, as in attention: if O = yV and g = HVᵀ, then
 * Σⱼ gᵢⱼyᵢⱼ = Σⱼ Σ_d Hᵢ_d Vⱼ_d yᵢⱼ = Σ_d Hᵢ_d Oᵢ_d, over a head's few features instead of all tokens (Dao et al. 2022, arXiv
 * 2205.14135, appendix B.2).
 */
function attended(step: Step): string | undefined {
  const { y, g, e, shape } = step;
  const last = shape(y[0]).length - 1;
  const back = e.producer(g);
  if (back?.op !== 'MatMul' || softmaxAxis(step) !== last) return undefined;
  const forward = e.graph.nodes.find(({ op, inputs }) => op === 'MatMul' && inputs[0] === y[0]);
  if (!forward || shape(forward.inputs[1]).length !== last + 1) return undefined;
  const [h, transposed] = back.inputs;
  if (transposed !== e.t(forward.inputs[1], last + 1)) return undefined;
  return e.sum(e.mul(h, forward.outputs[0]), [last]);
}

export const reductions: Record<string, Rule> = {
  /** y = Σ xᵢ: 1 each. */
  ReduceSum: (step) => [() => step.e.expandLike(kept(step, step.g), step.x[0])],

  /** y = Σ xᵢ / n: 1/n each. */
  ReduceMean: (step) => [() => step.e.expandLike(step.e.div(kept(step, step.g), count(step)), step.x[0])],

  /** y = Σ xᵢ²: 2x. */
  ReduceSumSquare: (step) => [() => step.e.mul(step.e.mul(step.x[0], step.c(2)), kept(step, step.g))],

  /** y = √(Σ xᵢ²): x/y. */
  ReduceL2: (step) => [() => step.e.mul(step.x[0], step.e.div(kept(step, step.g), kept(step, step.y[0])))],

  /** y = ln Σ e^xᵢ: e^(x − y), the softmax. */
  ReduceLogSumExp: (step) => [
    () => step.e.mul(step.e.exp(step.e.sub(step.x[0], kept(step, step.y[0]))), kept(step, step.g)),
  ],

  ReduceMax: extreme,
  ReduceMin: extreme,

  /** yᵢ = e^xᵢ / Σ e^xⱼ: ∂yᵢ/∂xⱼ = yᵢ(δᵢⱼ − yⱼ), hence ∂L/∂x = y(g − Σ gy). */
  Softmax: (step) => [
    () => {
      const {
        y: [y],
        g,
        e,
      } = step;
      return e.mul(y, e.sub(g, attended(step) ?? alongSoftmax(step, e.mul(g, y))));
    },
  ],

  /** y = x − ln Σ e^xⱼ: ∂L/∂x = g − e^y Σ g. */
  LogSoftmax: (step) => [
    () => {
      const {
        y: [y],
        g,
        e,
      } = step;
      return e.sub(g, e.mul(e.exp(y), alongSoftmax(step, g)));
    },
  ],
};
