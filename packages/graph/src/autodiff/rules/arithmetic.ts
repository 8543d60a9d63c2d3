/** Element-wise arithmetic. Formulas: any calculus text; semantics: onnx.ai/onnx/operators (opset 20). */
import { castCodes } from '../../builder.js';
import { broadcasting, elementwise, type Rule, type Step } from '../rule.js';

/** max and min of any number of inputs: the chosen one takes the gradient; equal ones share it evenly (as torch.amax). */
const chosen: Rule = broadcasting(({ x, y, g, e, type, c }) => {
  const hit = (v: string) =>
    e.op('Cast', [e.op('Equal', [v, y[0]])], { to: { kind: 'int', value: castCodes[type(v)] } });
  const ties = () => x.map(hit).reduce((a, b) => e.add(a, b));
  return x.map((v) => () => e.mul(e.div(g, x.length === 1 ? c(1) : ties()), hit(v)));
});

const castBack: Rule = ({ x, g, e, type }) => [
  () => e.op('Cast', [g], { to: { kind: 'int', value: castCodes[type(x[0])] } }),
];

const same = ({ g }: Step) => [() => g];

export const arithmetic: Record<string, Rule> = {
  /** y = a + b: ∂y/∂a = 1, ∂y/∂b = 1. */
  Add: broadcasting(({ g }) => [() => g, () => g]),

  /** y = a − b: 1 and −1. */
  Sub: broadcasting(({ g, e }) => [() => g, () => e.neg(g)]),

  /** y = a·b: b and a. */
  Mul: broadcasting(({ x: [a, b], g, e }) => [() => e.mul(g, b), () => e.mul(g, a)]),

  /** y = a/b: 1/b and −a/b² = −y/b. */
  Div: broadcasting(({ x: [, b], y, g, e }) => [() => e.div(g, b), () => e.neg(e.div(e.mul(g, y[0]), b))]),

  /** y = Σ xᵢ: 1 each. */
  Sum: broadcasting(({ x, g }) => x.map(() => () => g)),

  /** y = Σ xᵢ / n: 1/n each. */
  Mean: broadcasting(({ x, g, e, c }) => x.map(() => () => e.div(g, c(x.length)))),

  Max: chosen,
  Min: chosen,

  /** y = −x: −1. */
  Neg: ({ g, e }) => [() => e.neg(g)],

  /** y = |x|: sign(x); 0 at 0. */
  Abs: elementwise(({ x: [x], e }) => e.op('Sign', [x])),

  /** y = 1/x: −1/x² = −y². */
  Reciprocal: elementwise(({ y: [y], e }) => e.neg(e.mul(y, y))),

  /** y = √x: 1/(2√x) = 1/(2y). */
  Sqrt: ({ y: [y], g, e, c }) => [() => e.div(e.mul(g, c(0.5)), y)],

  /**
   * y = aᵇ: ∂y/∂a = b·aᵇ⁻¹, ∂y/∂b = y·ln a. A constant exponent of 2 is the square of a decomposed LayerNorm, of 3 the
   * cube of a decomposed tanh-GELU: products are exact there and far cheaper than Pow.
   */
  Pow: broadcasting(({ x: [a, b], y: [y], g, e, c, type, constant }) => {
    const exponent = constant(b);
    const power = exponent?.length === 1 ? exponent[0] : undefined;
    // The exponent may be of another type than the base, which rules the result.
    const cast =
      type(b) === type(a) ? b : e.op('Cast', [b], { to: { kind: 'int', value: castCodes[type(a)] } });
    const slope = () => {
      if (power === 2) return e.mul(a, c(2));
      if (power === 3) return e.mul(e.mul(a, a), c(3));
      return e.mul(cast, e.op('Pow', [a, e.sub(cast, c(1))]));
    };
    return [() => e.mul(g, slope()), () => e.mul(g, e.mul(y, e.op('Log', [a])))];
  }),

  /** y = eˣ: y. */
  Exp: elementwise(({ y }) => y[0]),

  /** y = ln x: 1/x. */
  Log: ({ x, g, e }) => [() => e.div(g, x[0])],

  /** y = sin x: cos x. */
  Sin: elementwise(({ x, e }) => e.op('Cos', [x[0]])),

  /** y = cos x: −sin x. */
  Cos: elementwise(({ x, e }) => e.neg(e.op('Sin', [x[0]]))),

  /** Copies. */
  Identity: same,

  /** Outside training the identity (opset 13: absent `training_mode` is false). In training its mask is drawn in each run. */
  Dropout: (step) => {
    const training = step.x[2];
    if (training && step.constant(training)?.[0] !== 0)
      step.fail('training mode draws a mask; export in eval mode');
    return same(step);
  },

  /** A change of floating type: the gradient changes back. */
  Cast: castBack,
  CastLike: (step) => [...castBack(step), null],

  /** y = a where the condition holds, else b: each side takes the gradient where it was chosen. */
  Where: broadcasting(({ x: [condition], g, e, c }) => [
    null,
    () => e.where(condition, g, c(0)),
    () => e.where(condition, c(0), g),
  ]),
};
