import fc from 'fast-check';
import { type Case, checkRules, float, kink, shapeOf, text, unary } from '../../testing/rule-properties.js';
import { encode } from '../emitter.js';
import { activations } from './activations.js';

checkRules(activations, {
  Relu: fc.oneof(unary('Relu', kink), unary('Relu', { from: -1, to: -0.1 })),
  LeakyRelu: fc.oneof(
    unary('LeakyRelu', kink),
    unary('LeakyRelu', { from: -1, to: -0.1 }, { alpha: float(0.3) }),
  ),
  Elu: fc.oneof(unary('Elu', kink), unary('Elu', { from: -1, to: -0.1 }, { alpha: float(0.5) })),
  Clip: fc.constantFrom([-1, -0.5], [-0.4, 0.4], [0.5, 1]).chain(([from, to]) =>
    shapeOf(0, 3).map(
      (shape): Case => ({
        op: 'Clip',
        operands: [
          { shape, from, to },
          { constant: { type: 'float64', dims: [], data: encode('float64', [-0.45]) } },
          { constant: { type: 'float64', dims: [], data: encode('float64', [0.45]) } },
        ],
      }),
    ),
  ),
  Sigmoid: unary('Sigmoid', { from: -3, to: 3 }),
  Tanh: unary('Tanh', { from: -2, to: 2 }),
  Softplus: unary('Softplus', { from: -3, to: 3 }),
  HardSigmoid: fc.oneof(unary('HardSigmoid', { from: -2, to: 2 }), unary('HardSigmoid', { from: 3, to: 5 })),
  HardSwish: fc.oneof(unary('HardSwish', { from: -2.9, to: 2.9 }), unary('HardSwish', { from: 3.1, to: 5 })),
  Erf: unary('Erf'),
  Gelu: fc
    .constantFrom('none', 'tanh')
    .chain((kind) => unary('Gelu', { from: -2, to: 2 }, { approximate: text(kind) })),
});
