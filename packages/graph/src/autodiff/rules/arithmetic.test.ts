import fc from 'fast-check';
import {
  binary,
  broadcastShapes,
  type Case,
  checkRules,
  count,
  int,
  kink,
  positive,
  shapeOf,
  unary,
} from '../../testing/rule-properties.js';
import { encode } from '../emitter.js';
import { arithmetic } from './arithmetic.js';

checkRules(arithmetic, {
  Add: binary('Add'),
  Sub: binary('Sub'),
  Mul: binary('Mul'),
  Div: binary('Div', {}, positive),
  Sum: broadcastShapes(3).map((shapes) => ({ op: 'Sum', operands: shapes.map((shape) => ({ shape })) })),
  Mean: broadcastShapes(3).map((shapes) => ({ op: 'Mean', operands: shapes.map((shape) => ({ shape })) })),
  Max: binary('Max', { from: -1, to: -0.1 }, kink),
  Min: binary('Min', { from: -1, to: -0.1 }, kink),
  Neg: unary('Neg'),
  Abs: fc.oneof(unary('Abs', kink), unary('Abs', { from: -1, to: -0.1 })),
  Reciprocal: unary('Reciprocal', positive),
  Sqrt: unary('Sqrt', positive),
  Pow: fc.oneof(
    binary('Pow', positive, { from: -2, to: 2 }),
    fc.constantFrom(2, 3, 0.5, -1).chain((power) =>
      shapeOf(0, 3).map(
        (shape): Case => ({
          op: 'Pow',
          operands: [
            { shape, ...positive },
            { constant: { type: 'float64', dims: [], data: encode('float64', [power]) } },
          ],
        }),
      ),
    ),
  ),
  Exp: unary('Exp'),
  Log: unary('Log', positive),
  Sin: unary('Sin'),
  Cos: unary('Cos'),
  Identity: unary('Identity'),
  Dropout: unary('Dropout'),
  Cast: shapeOf(0, 3).map((shape) => ({
    op: 'Cast',
    operands: [{ shape }],
    attributes: { to: int(1) },
    float32Only: true,
  })),
  CastLike: shapeOf(0, 3).map((shape) => ({
    op: 'CastLike',
    operands: [{ shape }, { constant: { type: 'float32', dims: [], data: encode('float32', [0]) } }],
    float32Only: true,
  })),
  Where: broadcastShapes(3).chain(([c, a, b]) =>
    fc.array(fc.boolean(), { minLength: count(c), maxLength: count(c) }).map(
      (bits): Case => ({
        op: 'Where',
        operands: [
          { constant: { type: 'bool', dims: c, data: Uint8Array.from(bits, Number) } },
          { shape: a },
          { shape: b },
        ],
      }),
    ),
  ),
});
