import fc from 'fast-check';
import {
  type Case,
  checkRules,
  float,
  int,
  shapeAndAxis,
  shapeOf,
  size,
} from '../../testing/rule-properties.js';
import { encode } from '../emitter.js';
import { normalisations } from './normalisation.js';

checkRules(normalisations, {
  LayerNormalization: shapeAndAxis(1).chain(({ shape, axis }) =>
    fc.boolean().map((bias): Case => {
      const wide = shape.with(-1, shape[shape.length - 1] + 2);
      return {
        op: 'LayerNormalization',
        operands: [
          { shape: wide, from: -2, to: 2 },
          { shape: wide.slice(axis) },
          ...(bias ? [{ shape: wide.slice(axis) }] : []),
        ],
        // A large ε keeps the third derivative, and with it the difference's own error, small.
        attributes: { axis: int(axis - shape.length), epsilon: float(0.1) },
      };
    }),
  ),
  BatchNormalization: shapeOf(0, 2).chain((spatial) =>
    size.map(
      (channels): Case => ({
        op: 'BatchNormalization',
        operands: [
          { shape: [2, channels, ...spatial] },
          { shape: [channels] },
          { shape: [channels] },
          {
            constant: {
              type: 'float64',
              dims: [channels],
              data: encode(
                'float64',
                Array.from({ length: channels }, (_, i) => i / 4),
              ),
            },
          },
          {
            constant: {
              type: 'float64',
              dims: [channels],
              data: encode(
                'float64',
                Array.from({ length: channels }, (_, i) => i + 0.5),
              ),
            },
          },
        ],
        attributes: { epsilon: float(1e-3) },
      }),
    ),
  ),
});
