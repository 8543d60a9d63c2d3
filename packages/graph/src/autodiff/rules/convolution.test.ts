import fc from 'fast-check';
import t from 'tap';
import { differentiate, type Feeds, type Model, numbersOf, OPSET, type Tensor } from '../../index.js';
import { openSession } from '../../testing/open-session.js';
import { type Case, checkRules, int, ints, shapeOf, text } from '../../testing/rule-properties.js';
import { encode } from '../emitter.js';
import { convolutions } from './convolution.js';

const convolution = fc
  .record({
    rank: fc.integer({ min: 1, max: 2 }),
    batch: fc.integer({ min: 1, max: 2 }),
    group: fc.integer({ min: 1, max: 2 }),
    perGroup: fc.integer({ min: 1, max: 2 }),
    filters: fc.integer({ min: 1, max: 2 }),
    kernel: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 2 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    before: fc.integer({ min: 0, max: 2 }),
    after: fc.integer({ min: 0, max: 2 }),
    extra: fc.integer({ min: 0, max: 3 }),
    bias: fc.boolean(),
    auto: fc.constantFrom('NOTSET', 'NOTSET', 'NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER'),
  })
  .map(
    ({
      rank,
      batch,
      group,
      perGroup,
      filters,
      kernel,
      stride,
      dilation,
      before,
      after,
      extra,
      bias,
      auto,
    }): Case => {
      const spatial = (value: number) => Array.from({ length: rank }, () => value);
      const length = (kernel - 1) * dilation + 1 + extra;
      return {
        op: 'Conv',
        operands: [
          { shape: [batch, group * perGroup, ...spatial(length)] },
          { shape: [group * filters, perGroup, ...spatial(kernel)] },
          ...(bias ? [{ shape: [group * filters] }] : []),
        ],
        attributes: {
          strides: ints(spatial(stride)),
          // ONNX Runtime refuses dilation with SAME padding.
          dilations: ints(spatial(auto.startsWith('SAME') ? 1 : dilation)),
          group: int(group),
          kernel_shape: ints(spatial(kernel)),
          ...(auto === 'NOTSET'
            ? { pads: ints([...spatial(before), ...spatial(after)]) }
            : { auto_pad: text(auto) }),
        },
      };
    },
  );

const pooling = (op: string) =>
  fc
    .record({
      batch: fc.integer({ min: 1, max: 2 }),
      channels: fc.integer({ min: 1, max: 2 }),
      kernel: fc.integer({ min: 2, max: 3 }),
      stride: fc.integer({ min: 1, max: 3 }),
      pad: fc.integer({ min: 0, max: 1 }),
      extra: fc.integer({ min: 0, max: 3 }),
      include: fc.boolean(),
    })
    .map(
      ({ batch, channels, kernel, stride, pad, extra, include }): Case => ({
        op,
        operands: [
          { shape: [batch, channels, kernel + extra, kernel + 1], apart: op === 'MaxPool', from: -4, to: 4 },
        ],
        attributes: {
          kernel_shape: ints([kernel, kernel]),
          strides: ints([stride, stride]),
          pads: ints([pad, pad, pad, pad]),
          ...(op === 'AveragePool' ? { count_include_pad: int(include ? 1 : 0) } : {}),
        },
      }),
    );

checkRules(convolutions, {
  Conv: convolution,
  MaxPool: pooling('MaxPool'),
  AveragePool: pooling('AveragePool'),
  GlobalAveragePool: shapeOf(1, 2).map((spatial) => ({
    op: 'GlobalAveragePool',
    operands: [{ shape: [2, 3, ...spatial] }],
  })),
  GlobalMaxPool: shapeOf(1, 2).map((spatial) => ({
    op: 'GlobalMaxPool',
    operands: [{ shape: [2, 3, ...spatial], apart: true, from: -20, to: 20 }],
  })),
});

t.test(
  'Conv: images whose size varies between runs get the same gradient as those of fixed size',
  async (t) => {
    const weight: Tensor = {
      type: 'float32',
      dims: [2, 1, 3, 3],
      data: encode(
        'float32',
        Array.from({ length: 18 }, (_, i) => Math.sin(i)),
      ),
    };
    const model: Model = {
      graph: {
        name: 'conv',
        nodes: [
          {
            op: 'Conv',
            name: 'conv',
            inputs: ['x', 'w'],
            outputs: ['y'],
            attributes: { strides: ints([2, 2]), pads: ints([1, 0, 1, 2]), group: int(2) },
          },
          { op: 'Mul', name: 'square', inputs: ['y', 'y'], outputs: ['yy'], attributes: {} },
          {
            op: 'ReduceSum',
            name: 'loss',
            inputs: ['yy'],
            outputs: ['loss'],
            attributes: { keepdims: int(0) },
          },
        ],
        inputs: [{ name: 'x', type: 'float32' }],
        outputs: [{ name: 'loss', type: 'float32' }],
        initializers: new Map([['w', weight]]),
      },
      opset: OPSET,
      producer: 'test',
      metadata: {},
    };
    const image = (height: number, width: number): Feeds => ({
      x: {
        type: 'float32',
        dims: [1, 2, height, width],
        data: encode(
          'float32',
          Array.from({ length: 2 * height * width }, (_, i) => Math.cos(i)),
        ),
      },
    });
    for (const [height, width] of [
      [5, 6],
      [6, 7],
      [7, 5],
    ]) {
      const results: number[][] = [];
      for (const feeds of [
        [image(height, width), image(height, width)],
        [image(4, 5), image(8, 9)],
      ] as [Feeds, Feeds][]) {
        const { graph, gradients } = await differentiate(model, {
          loss: 'loss',
          wrt: ['x'],
          feeds,
          open: openSession,
        });
        const name = gradients.get('x') ?? '';
        const session = await openSession({
          ...model,
          graph: { ...graph, outputs: [{ name, type: 'float32' }] },
        });
        results.push(numbersOf((await session.run(image(height, width)))[name]));
        await session.close();
      }
      t.strictSame(results[1], results[0]);
    }
  },
);
