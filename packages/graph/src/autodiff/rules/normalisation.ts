/** Normalisations with trainable gain and bias. */
import type { Rule } from '../rule.js';

export const normalisations: Record<string, Rule> = {
  /**
   * y = γ·n + β, n = (x − μ)/σ over the axes from `axis` on, σ = √(variance + ε). With h = g·γ:
   * ∂L/∂x = (h − mean(h) − n·mean(h·n))/σ, ∂L/∂γ = Σ g·n, ∂L/∂β = Σ g (Ba, Kiros & Hinton 2016, arXiv 1607.06450;
   * the derivation is that of batch normalisation, Ioffe & Szegedy 2015). μ and 1/σ are the operator's own second and
   * third output.
   */
  LayerNormalization: ({ x: [x, gain, bias], y, g, e, shape, attribute, output }) => {
    const rank = shape(x).length;
    const axis = attribute.int('axis', -1);
    const axes = Array.from({ length: rank }, (_, i) => i).slice(axis < 0 ? axis + rank : axis);
    const centred = () => e.sub(x, output(1));
    const normal = () => e.mul(centred(), output(2));
    return [
      () => {
        // n·mean(h·n) as (x − μ)·(mean(h·(x − μ))/σ²): the division falls on one number for each row.
        const h = e.mul(g, gain);
        const slope = e.mul(e.mean(e.mul(h, centred()), axes), e.mul(output(2), output(2)));
        const inner = e.sub(e.sub(h, e.mean(h, axes)), e.mul(centred(), slope));
        return e.mul(inner, output(2));
      },
      () => e.sumTo(e.mul(g, normal()), shape(y[0]), shape(gain)),
      () => e.sumTo(g, shape(y[0]), shape(bias)),
    ];
  },

  /**
   * With the recorded mean m and variance v of every channel (axis 1): y = γ(x − m)/√(v + ε) + β:
   * ∂L/∂x = g·γ/√(v + ε), ∂L/∂γ = Σ g(x − m)/√(v + ε), ∂L/∂β = Σ g. m and v are frozen.
   */
  BatchNormalization: ({ x: [x, gain, bias, mean, variance], y, g, e, c, shape, attribute, fail }) => {
    if (attribute.int('training_mode', 0))
      fail('training mode estimates its statistics; export in eval mode');
    const rank = shape(x).length;
    const channels = shape(gain);
    const aligned: (number | string)[] = [...channels, ...Array.from({ length: rank - 2 }, () => 1)];
    const column = (vector: string) =>
      rank === 2
        ? vector
        : e.unsqueeze(
            vector,
            Array.from({ length: rank - 2 }, (_, i) => i + 1),
          );
    const deviation = () => e.op('Sqrt', [e.add(variance, c(attribute.float('epsilon', 1e-5)))]);
    const toChannels = (value: string, like: string) =>
      e.reshapeLike(e.sumTo(value, shape(y[0]), aligned), like);
    return [
      () => e.mul(g, column(e.div(gain, deviation()))),
      () => toChannels(e.mul(g, e.div(e.sub(x, column(mean)), column(deviation()))), gain),
      () => toChannels(g, bias),
    ];
  },
};
