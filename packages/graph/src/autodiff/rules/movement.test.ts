import fc from 'fast-check';
import {
  broadcastShapes,
  type Case,
  checkRules,
  count,
  i32,
  i64,
  int,
  ints,
  shapeAndAxis,
  shapeOf,
  size,
} from '../../testing/rule-properties.js';
import { movement } from './movement.js';

checkRules(movement, {
  Reshape: shapeOf(1, 4).map((shape) => ({ op: 'Reshape', operands: [{ shape }, i64([-1])] })),
  Flatten: shapeAndAxis(1).map(({ shape, axis }) => ({
    op: 'Flatten',
    operands: [{ shape }],
    attributes: { axis: int(axis) },
  })),
  Squeeze: shapeOf(1, 3).map((shape) => ({ op: 'Squeeze', operands: [{ shape: [1, ...shape] }, i64([0])] })),
  Unsqueeze: shapeOf(0, 3).map((shape) => ({ op: 'Unsqueeze', operands: [{ shape }, i64([0])] })),
  Transpose: shapeOf(1, 4).chain((shape) =>
    fc
      .shuffledSubarray(
        shape.map((_, i) => i),
        { minLength: shape.length },
      )
      .map(
        (perm): Case => ({
          op: 'Transpose',
          operands: [{ shape }],
          attributes: { perm: ints(perm) },
        }),
      ),
  ),
  Expand: broadcastShapes(2).map(([a, b]) => ({ op: 'Expand', operands: [{ shape: a }, i64(b)] })),
  Tile: shapeOf(1, 3).map((shape) => ({
    op: 'Tile',
    operands: [{ shape }, i64(shape.map((_, i) => i + 1))],
  })),
  Concat: shapeAndAxis(1).chain(({ shape, axis }) =>
    fc.array(size, { minLength: 1, maxLength: 3 }).map(
      (sizes): Case => ({
        op: 'Concat',
        operands: sizes.map((width) => ({ shape: shape.with(axis, width) })),
        attributes: { axis: int(axis) },
      }),
    ),
  ),
  Split: shapeAndAxis(1).chain(({ shape, axis }) =>
    fc.array(size, { minLength: 2, maxLength: 3 }).map(
      (sizes): Case => ({
        op: 'Split',
        operands: [
          {
            shape: shape.with(
              axis,
              sizes.reduce((a, b) => a + b, 0),
            ),
          },
          i64(sizes),
        ],
        attributes: { axis: int(axis - shape.length) },
        outputs: sizes.length,
      }),
    ),
  ),
  Pad: shapeOf(1, 3).chain((shape) =>
    fc
      .array(fc.integer({ min: -1, max: 2 }), { minLength: 2 * shape.length, maxLength: 2 * shape.length })
      .map(
        (pads): Case => ({
          op: 'Pad',
          operands: [{ shape: shape.map((width) => width + 2) }, i64(pads)],
        }),
      ),
  ),
  Slice: shapeAndAxis(1).chain(({ shape, axis }) =>
    fc
      .record({
        start: fc.integer({ min: -3, max: 3 }),
        length: fc.integer({ min: 1, max: 3 }),
        step: fc.constantFrom(1, 1, 2, -1),
        places: fc.constantFrom(i64, i32),
      })
      .map(({ start, length, step, places }): Case => {
        const width = 7;
        const from = start + 3; // 0 … 6
        const at = step > 0 ? Math.min(from, 4) : Math.max(from, 3);
        const end = at + (step > 0 ? length : -length);
        return {
          op: 'Slice',
          operands: [
            { shape: shape.with(axis, width) },
            places([at % 2 ? at : at - width]),
            places([step < 0 && end < 0 ? -100 : end]),
            places([axis - shape.length]),
            places([step]),
          ],
        };
      }),
  ),
  Gather: shapeAndAxis(1).chain(({ shape, axis }) =>
    shapeOf(0, 2).chain((indexShape) =>
      fc
        .array(fc.integer({ min: -shape[axis], max: shape[axis] - 1 }), {
          minLength: count(indexShape),
          maxLength: count(indexShape),
        })
        .map(
          (indices): Case => ({
            op: 'Gather',
            operands: [{ shape }, i64(indices, indexShape)],
            attributes: { axis: int(axis) },
          }),
        ),
    ),
  ),
  GatherElements: shapeAndAxis(1).chain(({ shape, axis }) =>
    fc
      .array(fc.integer({ min: -shape[axis], max: shape[axis] - 1 }), {
        minLength: count(shape),
        maxLength: count(shape),
      })
      .map(
        (indices): Case => ({
          op: 'GatherElements',
          operands: [{ shape }, i64(indices, shape)],
          attributes: { axis: int(axis) },
        }),
      ),
  ),
  Trilu: shapeOf(2, 3).chain((shape) =>
    fc
      .boolean()
      .map(
        (upper): Case => ({ op: 'Trilu', operands: [{ shape }], attributes: { upper: int(upper ? 1 : 0) } }),
      ),
  ),
});
