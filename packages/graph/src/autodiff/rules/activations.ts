/** Activations: y = f(x) element by element. Formulas as in the operator pages of onnx.ai (opset 20), differentiated. */
import { elementwise, type Rule } from '../rule.js';

/** 1 where the condition holds, else 0, multiplied into g by `Where`. */
const gate =
  (condition: (step: Parameters<Rule>[0]) => string): Rule =>
  (step) => [() => step.e.where(condition(step), step.g, step.c(0))];

const INV_SQRT_2 = Math.SQRT1_2;
/** 2/√π */
const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);

export const activations: Record<string, Rule> = {
  /** y = max(x, 0): 1 where x > 0, else 0. As y ≥ 0, that is sign(y). */
  Relu: elementwise(({ y, e }) => e.op('Sign', [y[0]])),

  /** y = x for x ≥ 0, αx below: 1 or α. */
  LeakyRelu: ({ x, g, e, c, attribute }) => [
    () => e.where(e.op('Less', [x[0], c(0)]), e.mul(g, c(attribute.float('alpha', 0.01))), g),
  ],

  /** y = x for x ≥ 0, α(eˣ − 1) below: 1 or αeˣ = y + α. */
  Elu: ({ x, y, g, e, c, attribute }) => [
    () => e.where(e.op('Less', [x[0], c(0)]), e.mul(g, e.add(y[0], c(attribute.float('alpha', 1)))), g),
  ],

  /** y = min(max(x, lo), hi): 1 where x passed unchanged (ends included, as torch.clamp), else 0. */
  Clip: gate(({ x, y, e }) => e.op('Equal', [x[0], y[0]])),

  /** y = 1/(1 + e⁻ˣ): y(1 − y). */
  Sigmoid: elementwise(({ y: [y], e, c }) => e.mul(y, e.sub(c(1), y))),

  /** y = tanh x: 1 − y². */
  Tanh: elementwise(({ y: [y], e, c }) => e.sub(c(1), e.mul(y, y))),

  /** y = ln(1 + eˣ): σ(x). */
  Softplus: elementwise(({ x, e }) => e.op('Sigmoid', [x[0]])),

  /** y = clip(αx + β, 0, 1): α strictly inside, else 0. */
  HardSigmoid: ({ y: [y], g, e, c, attribute }) => [
    () =>
      e.where(
        e.op('And', [e.op('Greater', [y, c(0)]), e.op('Less', [y, c(1)])]),
        e.mul(g, c(attribute.float('alpha', 0.2))),
        c(0),
      ),
  ],

  /** y = x·h(x), h(x) = clip(x/6 + 1/2, 0, 1): h(x) + x/6 inside (−3, 3); h(x), which is 0 or 1, outside. */
  HardSwish: elementwise(({ x: [x], e, c }) => {
    const h = e.op('HardSigmoid', [x], {
      alpha: { kind: 'float', value: 1 / 6 },
      beta: { kind: 'float', value: 0.5 },
    });
    const inside = e.op('Less', [e.op('Abs', [x]), c(3)]);
    return e.add(h, e.where(inside, e.mul(x, c(1 / 6)), c(0)));
  }),

  /** y = erf x = 2/√π ∫₀ˣ e^(−t²) dt: 2/√π · e^(−x²). */
  Erf: elementwise(({ x: [x], e, c }) => e.mul(e.exp(e.neg(e.mul(x, x))), c(TWO_OVER_SQRT_PI))),

  /**
   * Exact: y = xΦ(x), Φ(x) = (1 + erf(x/√2))/2: Φ(x) + x·φ(x), φ(x) = e^(−x²/2)/√(2π).
   * With approximate = "tanh": y = x(1 + tanh u)/2, u = √(2/π)(x + 0.044715x³):
   * (1 + t)/2 + x(1 − t²)/2 · u′ where t = tanh u. (Hendrycks & Gimpel 2016, arXiv 1606.08415.)
   */
  Gelu: elementwise(({ x: [x], e, c, attribute }) => {
    const u = e.mul(x, c(INV_SQRT_2));
    if (attribute.text('approximate', 'none') === 'none') {
      // HardSigmoid(½z + ½) is the affine map (1 + z)/2 in one pass, since erf lies in [−1, 1]. With u = x/√2 at hand,
      // x·φ(x) = x/√(2π) / e^(u²): where the power overflows the quotient is the 0 that it should be.
      const cdf = e.op('HardSigmoid', [e.op('Erf', [u])], {
        alpha: { kind: 'float', value: 0.5 },
        beta: { kind: 'float', value: 0.5 },
      });
      return e.add(cdf, e.div(e.mul(x, c(1 / Math.sqrt(2 * Math.PI))), e.exp(e.mul(u, u))));
    }
    const square = e.mul(x, x);
    const k = Math.sqrt(2 / Math.PI);
    const t = e.op('Tanh', [e.mul(x, e.add(e.mul(square, c(0.044715 * k)), c(k)))]);
    const slope = e.add(e.mul(square, c(3 * 0.044715 * k)), c(k));
    const outer = e.mul(e.sub(c(1), e.mul(t, t)), e.mul(x, slope));
    return e.mul(e.add(e.add(t, c(1)), outer), c(0.5));
  }),
};
