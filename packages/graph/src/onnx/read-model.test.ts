import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import t from 'tap';
import {
  type Attribute,
  createBuilder,
  type DataType,
  floatTensor,
  GraphError,
  int64Tensor,
  type Model,
  type Node,
  readModel,
  type Tensor,
  writeModel,
} from '../index.js';
import { bytesPerElement, elementCount, numbersOf } from '../tensor.js';
import { dataTypeCodes } from './data-types.js';
import {
  AttributeProto_AttributeType as AttributeType,
  ModelProtoSchema,
  type NodeProtoSchema,
  TensorProto_DataLocation,
} from './generated/onnx-ml_pb.js';

/** y = x·w + b, with everything the tests then break. */
function linear(): Model {
  const b = createBuilder({ name: 'linear' });
  const x = b.input('x', 'float32', ['batch', 2]);
  const w = b.initializer('w', floatTensor([1, 2, 3, 4], [2, 2]));
  const product = b.matmul(x, w, 'product');
  b.output(b.add(product, b.initializer('b', floatTensor([5, 6])), 'sum'), 'float32', ['batch', 2]);
  return b.build();
}

function readWith(change: (model: Model) => void, opset = 20): Model {
  const model = { ...linear(), opset };
  change(model);
  return readModel(writeModel(model).model);
}

const nodeOf = (model: Model, name: string): Node => model.graph.nodes.find((node) => node.name === name)!;

t.test('what the builder wrote is read back, value for value', async (t) => {
  const model = linear();
  t.strictSame(readModel(writeModel(model).model), model);
});

t.test('the faults of a graph are refused by name', async (t) => {
  const refused = (
    change: (model: Model) => void,
    wanted: { code: string; message: RegExp },
    opset?: number,
  ) => t.throws(() => readWith(change, opset), wanted);

  refused((m) => (nodeOf(m, 'sum').inputs[0] = 'ghost'), {
    code: 'dangling_name',
    message: /Add sum reads ghost/,
  });
  refused((m) => (m.graph.outputs[0]!.name = 'ghost'), { code: 'dangling_name', message: /output ghost/ });
  refused((m) => (nodeOf(m, 'product').inputs[0] = 'sum'), {
    code: 'cycle',
    message: /MatMul product.*Add sum|Add sum.*MatMul product/,
  });
  refused((m) => (nodeOf(m, 'product').outputs = ['x']), { code: 'duplicate_name', message: /value x/ });
  refused((m) => (nodeOf(m, 'sum').op = 'Addition'), { code: 'unknown_operator', message: /Addition sum/ });
  refused((m) => (nodeOf(m, 'sum').op = 'constructor'), { code: 'unknown_operator', message: /opset 20/ });
  refused((m) => (nodeOf(m, 'sum').op = 'Gelu'), { code: 'unknown_operator', message: /opset 19/ }, 19);
  refused((m) => (nodeOf(m, 'sum').domain = 'com.microsoft'), {
    code: 'unknown_operator',
    message: /com\.microsoft/,
  });
  refused((m) => nodeOf(m, 'sum').inputs.push('x'), { code: 'bad_arity', message: /3 inputs.*takes 2/ });
  refused((m) => (nodeOf(m, 'sum').attributes = { axis: { kind: 'int', value: 1 } }), {
    code: 'bad_attribute',
    message: /no attribute axis/,
  });
  const cast = (attributes: Record<string, Attribute>) => (m: Model) =>
    Object.assign(nodeOf(m, 'sum'), { op: 'Cast', inputs: ['product'], attributes });
  refused(cast({ to: { kind: 'float', value: 1 } }), {
    code: 'bad_attribute',
    message: /must be required int/,
  });
  refused(cast({}), { code: 'bad_attribute', message: /lacks its attribute to/ });
  refused(() => {}, { code: 'unsupported_opset', message: /opset 10.*11 to 21/ }, 10);
  refused(() => {}, { code: 'unsupported_opset', message: /opset 22/ }, 22);
  refused((m) => m.graph.initializers.set('w', { type: 'float32', dims: [2, 2], data: new Uint8Array(12) }), {
    code: 'bad_tensor',
    message: /initializer w.*16 bytes/,
  });
});

t.test('nodes out of order are sorted; a chain deeper than the call stack is no danger', async (t) => {
  const model = linear();
  model.graph.nodes.reverse();
  t.strictSame(
    readModel(writeModel(model).model).graph.nodes.map((node) => node.name),
    ['product', 'sum'],
  );
  const b = createBuilder({ name: 'chain' });
  let value = b.input('x', 'float32', [1]);
  for (let index = 0; index < 30_000; index += 1) value = b.relu(value);
  b.output(value, 'float32');
  const chain = b.build();
  chain.graph.nodes.reverse();
  const nodes = readModel(writeModel(chain).model).graph.nodes;
  t.equal(nodes[0]!.name, 'relu');
  t.equal(nodes[29_999]!.name, 'relu_30000');
});

t.test('nodes without names get one, nodes with the same name are told apart', async (t) => {
  const model = readWith((m) => {
    nodeOf(m, 'product').name = '';
    nodeOf(m, 'sum').name = 'MatMul_0';
  });
  t.strictSame(
    model.graph.nodes.map((node) => node.name),
    ['MatMul_0', 'MatMul_0_1'],
  );
});

t.test('a node is named for the module that only its metadata name', async (t) => {
  const scopes = "['', 'encoder', 'encoder.layer.0.query', 'linear_3']";
  const proto = create(ModelProtoSchema, {
    opsetImport: [{ version: 18n }],
    graph: {
      node: [
        {
          opType: 'Constant',
          name: 'node_Constant_1',
          output: ['y'],
          attribute: [{ name: 'value_int', type: AttributeType.INT, i: 1n }],
          metadataProps: [{ key: 'pkg.torch.onnx.name_scopes', value: scopes }],
        },
      ],
    },
  });
  const [node] = readModel(toBinary(ModelProtoSchema, proto)).graph.nodes;
  t.equal(node!.name, 'encoder.layer.0.query/node_Constant_1');
});

t.test('external data are fetched from within the folder only, and only at their exact size', async (t) => {
  const { model, external } = writeModel(linear(), { externalData: { location: 'w.bin', minBytes: 9 } });
  const file = Buffer.concat(external!.chunks);
  const read = readModel(model, {
    external: (location, offset, length) => {
      t.equal(location, 'w.bin');
      return file.subarray(offset, offset + length);
    },
  });
  t.strictSame(numbersOf(read.graph.initializers.get('w')!), [1, 2, 3, 4]);
  t.equal(read.graph.initializers.get('w')!.data.buffer, file.buffer, 'a view, not a copy');
  t.throws(() => readModel(model), { code: 'bad_external_data', message: /pass a resolver/ });
  t.throws(() => readModel(model, { external: () => new Uint8Array(3) }), {
    code: 'bad_external_data',
    message: /has 3 of 16 bytes/,
  });

  const at = (location: string, length = '16', offset = '0') =>
    toBinary(
      ModelProtoSchema,
      create(ModelProtoSchema, {
        opsetImport: [{ version: 20n }],
        graph: {
          initializer: [
            {
              name: 'w',
              dims: [2n, 2n],
              dataType: dataTypeCodes.float32,
              dataLocation: TensorProto_DataLocation.EXTERNAL,
              externalData: [
                { key: 'location', value: location },
                { key: 'offset', value: offset },
                { key: 'length', value: length },
              ],
            },
          ],
        },
      }),
    );
  const never = () => t.fail('nothing may be fetched') as never;
  for (const [location, message] of [
    ['../w.bin', /leaves the folder/],
    ['a/../../w.bin', /leaves the folder/],
    ['/etc/passwd', /absolute/],
    ['C:\\w.bin', /backslash, a colon/],
    ['C:w.bin', /colon/],
    ['..\\w.bin', /backslash/],
    ['', /no name/],
    ['w\u0000.bin', /control character/],
  ] as const) {
    t.throws(() => readModel(at(location), { external: never }), { code: 'bad_external_data', message });
  }
  t.throws(() => readModel(at('w', '17'), { external: never }), { code: 'bad_external_data' });
  t.throws(() => readModel(at('w', '16', '-1'), { external: never }), { code: 'bad_external_data' });
  t.throws(() => readModel(at('w', '16', '9999999999999999'), { external: never }), {
    code: 'bad_external_data',
  });
});

t.test('typed tensor fields hold the same values as raw ones', async (t) => {
  const initializer = [
    { name: 'f', dataType: dataTypeCodes.float32, dims: [2n], floatData: [1.5, -2] },
    { name: 'd', dataType: dataTypeCodes.float64, dims: [1n], doubleData: [0.1] },
    { name: 'l', dataType: dataTypeCodes.int64, dims: [2n], int64Data: [-1n, 2n ** 40n] },
    { name: 'i', dataType: dataTypeCodes.int32, dims: [1n], int32Data: [-7] },
    { name: 'h', dataType: dataTypeCodes.float16, dims: [1n], int32Data: [0x3c00] },
    { name: 'b', dataType: dataTypeCodes.bool, dims: [2n], int32Data: [0, 1] },
    { name: 'u', dataType: dataTypeCodes.uint32, dims: [1n], uint64Data: [4_000_000_000n] },
  ];
  const proto = create(ModelProtoSchema, { opsetImport: [{ version: 17n }], graph: { initializer } });
  const { initializers } = readModel(toBinary(ModelProtoSchema, proto)).graph;
  const values = Object.fromEntries([...initializers].map(([name, tensor]) => [name, numbersOf(tensor)]));
  t.strictSame(values, {
    f: [1.5, -2],
    d: [0.1],
    l: [-1, 2 ** 40],
    i: [-7],
    h: [1],
    b: [0, 1],
    u: [4_000_000_000],
  });
  proto.graph!.initializer[5]!.int32Data = [0, 2];
  t.throws(() => readModel(toBinary(ModelProtoSchema, proto)), {
    code: 'bad_tensor',
    message: /outside 0 to 1/,
  });
});

t.test('a small file cannot ask for large memory', async (t) => {
  const repeated = (field: number[], count: number) => {
    // ModelProto.graph = 7, of `count` times the same field.
    const body = new Uint8Array(count * field.length);
    for (let index = 0; index < count; index += 1) body.set(field, index * field.length);
    const length: number[] = [];
    for (let rest = body.length; ; rest >>>= 7) {
      if (rest < 0x80) {
        length.push(rest);
        break;
      }
      length.push((rest & 0x7f) | 0x80);
    }
    return Buffer.concat([Uint8Array.from([0x3a, ...length]), body]);
  };
  const emptyNodes = repeated([0x0a, 0x00], 3_000_000);
  t.throws(() => readModel(emptyNodes), { code: 'too_large', message: /2000000 messages/ });
  t.throws(() => readModel(emptyNodes, { limits: { modelBytes: 1000 } }), { code: 'too_large' });

  // GraphProto → node → attribute → graph …
  let nested: Uint8Array = new Uint8Array();
  const within = (tag: number, body: Uint8Array) => {
    const length: number[] = [];
    for (let rest = body.length; ; rest >>>= 7) {
      if (rest < 0x80) {
        length.push(rest);
        break;
      }
      length.push((rest & 0x7f) | 0x80);
    }
    return Buffer.concat([Uint8Array.from([tag, ...length]), body]);
  };
  for (let depth = 0; depth < 5000; depth += 1) nested = within(0x0a, within(0x2a, within(0x32, nested)));
  t.throws(() => readModel(within(0x3a, nested)), { code: 'too_large', message: /60 levels/ });
});

t.test('no field is counted as one type and decoded as another', async (t) => {
  const bytes = (...parts: (number | Uint8Array)[]) =>
    Buffer.concat(parts.map((part) => (typeof part === 'number' ? Uint8Array.of(part) : part)));
  const refused = (model: Uint8Array, field: string) =>
    t.throws(() => readModel(model), {
      code: 'malformed',
      message: new RegExp(`the field ${field} of a .* in the encoding of another type`),
    });
  // ModelProto.graph = 7 and ir_version = 1, under the tags of a number and of bytes: what follows would be skipped here.
  const nodes = bytes(0x0a, 0x00, 0x0a, 0x00);
  refused(bytes(0x38, nodes.length, nodes), 'graph');
  refused(bytes(0x0a, nodes.length + 2, 0x3a, nodes.length, nodes), 'ir_version');
  // ModelProto.producer_name = 2, as a 32-bit number; TensorProto.float_data = 4 in a graph's initializer, as a varint.
  refused(bytes(0x15, 4, 0, 0, 0, 0), 'producer_name');
  refused(bytes(0x3a, 4, 0x2a, 2, 0x20, 0x01), 'float_data');
  // TensorProto.dims = 1 one by one and in one piece: both are what the format allows.
  for (const dims of [bytes(0x08, 2, 0x08, 3), bytes(0x0a, 2, 2, 3)])
    t.throws(() => readModel(bytes(0x3a, dims.length + 2, 0x2a, dims.length, dims)), { message: /opset/ });
});

const attribute: fc.Arbitrary<[string, Attribute]> = fc.oneof(
  fc.tuple(
    fc.constant('alpha'),
    fc.float({ noNaN: true }).map((value) => ({ kind: 'float' as const, value })),
  ),
);

const tensor: fc.Arbitrary<Tensor> = fc
  .tuple(
    fc.constantFrom(...(Object.keys(dataTypeCodes) as DataType[])),
    fc.array(fc.nat(4), { maxLength: 4 }),
  )
  .chain(([type, dims]) => {
    const length = elementCount(dims) * bytesPerElement[type];
    return fc.uint8Array({ minLength: length, maxLength: length }).map((data) => ({ type, dims, data }));
  });

/** Chains of one- and two-input operators over random constants; shapes need not fit, reading does not run them. */
const model: fc.Arbitrary<Model> = fc
  .record({
    tensors: fc.array(tensor, { minLength: 1, maxLength: 5 }),
    steps: fc.array(
      fc.record({ op: fc.constantFrom('Add', 'Mul', 'LeakyRelu'), a: fc.nat(), b: fc.nat(), attribute }),
      {
        maxLength: 12,
      },
    ),
    shape: fc.option(fc.array(fc.oneof(fc.nat(9), fc.constantFrom('n', 'm')), { maxLength: 4 }), {
      nil: undefined,
    }),
    ints: fc.array(fc.maxSafeInteger(), { maxLength: 5 }),
    metadata: fc.dictionary(fc.constantFrom('a', 'b c', 'é'), fc.string(), { noNullPrototype: true }),
  })
  .map(({ tensors, steps, shape, ints, metadata }) => {
    const b = createBuilder({ name: 'random' });
    const values = [b.input('x', 'float32', shape)];
    tensors.forEach((value, index) => {
      values.push(b.initializer(`t${index}`, value));
    });
    values.push(b.initializer('ints', int64Tensor(ints)));
    for (const {
      op,
      a,
      b: other,
      attribute: [name, value],
    } of steps) {
      const left = values[a % values.length]!;
      values.push(
        op === 'LeakyRelu'
          ? b.node(op, [left], { attributes: { [name]: value } })
          : b.node(op, [left, values[other % values.length]!]),
      );
    }
    b.output(values[values.length - 1]!, 'float32');
    return b.build({ metadata });
  });

t.test('any graph is the same after writing and reading, inline or external', async (t) => {
  fc.assert(
    fc.property(model, fc.nat(64), (original, minBytes) => {
      assert.deepEqual(readModel(writeModel(original).model), original);
      const { model: bytes, external } = writeModel(original, {
        externalData: { location: 'd/w', minBytes },
      });
      const file = Buffer.concat(external?.chunks ?? []);
      assert.equal(file.byteLength, external?.bytes ?? 0);
      const read = readModel(bytes, {
        external: (_, offset, length) => file.subarray(offset, offset + length),
      });
      for (const [name, wanted] of original.graph.initializers) {
        const got = read.graph.initializers.get(name)!;
        assert.deepEqual([got.type, got.dims], [wanted.type, wanted.dims]);
        assert.equal(Buffer.compare(got.data, wanted.data), 0);
      }
    }),
    { numRuns: 100 },
  );
  t.pass();
});

t.test('damaged files are read or refused, never anything else', async (t) => {
  const whole = writeModel(linear()).model;
  const damage = fc.oneof(
    fc.tuple(fc.nat(whole.length - 1), fc.nat(255)).map(
      ([at, value]) =>
        (bytes: Uint8Array) =>
          bytes.fill(value, at, at + 1),
    ),
    fc.nat(whole.length).map((end) => (bytes: Uint8Array) => bytes.subarray(0, end)),
    fc.tuple(fc.nat(whole.length - 1), fc.nat(whole.length - 1), fc.nat(40)).map(
      ([to, from, length]) =>
        (bytes: Uint8Array) =>
          bytes.copyWithin(to, from, from + length),
    ),
    fc.tuple(fc.nat(whole.length), fc.uint8Array({ maxLength: 12 })).map(
      ([at, extra]) =>
        (bytes: Uint8Array) =>
          Buffer.concat([bytes.subarray(0, at), extra, bytes.subarray(at)]),
    ),
  );
  const survives = (bytes: Uint8Array) => {
    try {
      writeModel(
        readModel(bytes, { external: (_location, _offset, length) => new Uint8Array(Math.min(length, 9)) }),
      );
    } catch (error) {
      if (!(error instanceof GraphError)) throw error;
    }
  };
  fc.assert(
    fc.property(fc.array(damage, { minLength: 1, maxLength: 4 }), (damages) => {
      survives(damages.reduce<Uint8Array>((bytes, apply) => Uint8Array.from(apply(bytes)), whole.slice()));
    }),
    { numRuns: 4000 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), survives), { numRuns: 2000 });
  t.pass();
});

t.test('what is standard but not ours is refused by name', async (t) => {
  const model = (graph: object, rest: object = {}) =>
    toBinary(ModelProtoSchema, create(ModelProtoSchema, { opsetImport: [{ version: 17n }], graph, ...rest }));
  const typed = { type: AttributeType.GRAPHS, name: 'body' };
  const node: Parameters<typeof create<typeof NodeProtoSchema>>[1] = {
    opType: 'Loop',
    output: ['y'],
    attribute: [typed],
  };
  t.throws(() => readModel(model({ node: [node] })), { code: 'bad_attribute', message: /GRAPHS/ });
  t.throws(() => readModel(model({}, { functions: [{ name: 'f' }] })), {
    code: 'unsupported',
    message: /inline/,
  });
  t.throws(() => readModel(model({ sparseInitializer: [{}] })), { code: 'unsupported', message: /sparse/ });
  t.throws(
    () => readModel(model({ input: [{ name: 's', type: { value: { case: 'sequenceType', value: {} } } }] })),
    {
      code: 'unsupported',
      message: /only tensors/,
    },
  );
  t.throws(() => readModel(new Uint8Array()), { code: 'malformed' });
});
