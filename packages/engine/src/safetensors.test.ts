import fc from 'fast-check';
import t from 'tap';
import { readSafetensors, type SafeTensor, SafetensorsError, writeSafetensors } from './safetensors.js';

const tensor = fc
  .record({
    dtype: fc.constantFrom<SafeTensor['dtype']>('F16', 'F32', 'I64', 'U8', 'BF16'),
    shape: fc.array(fc.nat(4), { maxLength: 3 }),
  })
  .map(({ dtype, shape }): SafeTensor => {
    const width = { F16: 2, BF16: 2, F32: 4, I64: 8, U8: 1 }[dtype as 'U8'];
    const bytes = shape.reduce((product, size) => product * size, width);
    return { dtype, shape, data: Uint8Array.from({ length: bytes }, (_, i) => (i * 37 + bytes) & 255) };
  });
const name = fc.string({ minLength: 1 }).filter((text) => text !== '__metadata__');
const tensors = fc.array(fc.tuple(name, tensor), { maxLength: 5 }).map((entries) => new Map(entries));
const metadata = fc
  .array(fc.tuple(fc.string(), fc.string()), { maxLength: 3 })
  .map((pairs) => new Map(pairs));

const plain = ({ tensors, metadata }: ReturnType<typeof readSafetensors>) => ({
  tensors: [...tensors]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, x]) => [name, x.dtype, x.shape, [...x.data]]),
  metadata: [...metadata].sort(([a], [b]) => (a < b ? -1 : 1)),
});

function container(header: string, data = new Uint8Array(0)): Uint8Array {
  const json = new TextEncoder().encode(header);
  const file = new Uint8Array(8 + json.length + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  file.set(data, 8 + json.length);
  return file;
}

t.test('what is written is read back, aligned to each element', async (t) => {
  fc.assert(
    fc.property(tensors, metadata, (tensors, metadata) => {
      const file = writeSafetensors(tensors, metadata);
      const read = readSafetensors(file);
      t.strictSame(plain(read), plain({ tensors, metadata }));
      return [...read.tensors.values()].every(
        ({ dtype, data }) => data.byteLength === 0 || dtype !== 'I64' || data.byteOffset % 8 === 0,
      );
    }),
  );
});

t.test('equal content gives equal bytes in whatever order it was put in', async () => {
  fc.assert(
    fc.property(tensors, (tensors) => {
      const backwards = new Map([...tensors].reverse());
      return Buffer.from(writeSafetensors(tensors)).equals(Buffer.from(writeSafetensors(backwards)));
    }),
  );
});

t.test('a damaged file is refused or reads as some whole file, and never fails otherwise', async () => {
  fc.assert(
    fc.property(
      tensors,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      fc.nat(),
      (tensors, edits, cut) => {
        const file = writeSafetensors(tensors);
        for (const [at, value] of edits) file[at % file.length] = value;
        const damaged = cut % 3 === 0 ? file.subarray(0, cut % file.length) : file;
        try {
          for (const { data, shape } of readSafetensors(damaged).tensors.values())
            if (data.byteLength > 0 && shape.includes(0)) return false;
        } catch (error) {
          return error instanceof SafetensorsError;
        }
        return true;
      },
    ),
    { numRuns: 1_000 },
  );
});

const four = new Uint8Array(4);
const faults: [string, Uint8Array, RegExp][] = [
  ['a file below eight bytes', new Uint8Array(7), /8 length bytes/],
  ['a header longer than the file', new Uint8Array([9, 0, 0, 0, 0, 0, 0, 0, 0x7b]), /past the end/],
  ['a header longer than the bound', new Uint8Array([0, 0, 0, 0, 0, 0, 0, 1]), /longer than/],
  ['a header that is not JSON', container('{"a":'), /not JSON/],
  ['a header that is a list', container('[]'), /begin with/],
  [
    'a duplicate tensor',
    container(
      '{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"\\u0061":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}',
      four,
    ),
    /twice/,
  ],
  ['an unknown dtype', container('{"a":{"dtype":"F8","shape":[4],"data_offsets":[0,4]}}', four), /dtype/],
  [
    'a dtype named like a method',
    container('{"a":{"dtype":"toString","shape":[4],"data_offsets":[0,4]}}', four),
    /dtype/,
  ],
  [
    'a shape that does not fill its bytes',
    container('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', four),
    /fill/,
  ],
  ['a negative size', container('{"a":{"dtype":"U8","shape":[-4,-1],"data_offsets":[0,4]}}', four), /sizes/],
  [
    'offsets outside the data',
    container('{"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]}}', four),
    /outside/,
  ],
  ['a hole', container('{"a":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}', four), /hole/],
  [
    'an overlap',
    container(
      '{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}',
      four,
    ),
    /overlap/,
  ],
  ['bytes left over', container('{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}', four), /left over/],
  ['metadata that is not text', container('{"__metadata__":{"a":1}}'), /metadata/],
  [
    'an entry with an unknown field',
    container('{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":1}}', four),
    /unknown field/,
  ],
];
for (const [what, file, message] of faults)
  t.test(`refused: ${what}`, async (t) => {
    t.throws(() => readSafetensors(file), { name: 'SafetensorsError', message });
  });
