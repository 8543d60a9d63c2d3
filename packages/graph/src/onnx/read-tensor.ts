import { GraphError } from '../error.js';
import type { DataType, Tensor } from '../ir.js';
import { bytesPerElement, elementCount } from '../tensor.js';
import { dataTypesByCode } from './data-types.js';
import { type TensorProto, TensorProto_DataLocation } from './generated/onnx-ml_pb.js';
import type { ReadLimits } from './limits.js';

/**
 * Fetches `length` bytes at `offset` of the file `location`, a checked path relative to the model's folder.
 * Returning a view of a mapped or cached file is welcome.
 */
export type ExternalResolver = (location: string, offset: number, length: number) => Uint8Array;

export interface TensorContext {
  limits: ReadLimits;
  external: ExternalResolver | undefined;
}

/** A TensorProto's contents; raw and external data are views, typed fields are packed. `where` names it in errors. */
export function readTensor(proto: TensorProto, where: string, { limits, external }: TensorContext): Tensor {
  const type = dataTypesByCode.get(proto.dataType);
  if (!type) {
    throw new GraphError(
      'bad_tensor',
      `${where}: element type ${proto.dataType} is not a number type Scion reads`,
    );
  }
  if (proto.segment) throw new GraphError('unsupported', `${where}: segmented tensors are not supported`);
  const dims = readDims(proto, where, limits);
  const count = elementCount(dims);
  const bytes = count * bytesPerElement[type];
  if (!Number.isSafeInteger(bytes)) {
    throw new GraphError('bad_tensor', `${where}: [${dims}] is more than can be addressed`);
  }
  const data =
    proto.dataLocation === TensorProto_DataLocation.EXTERNAL
      ? externalBytes(proto, where, bytes, external)
      : proto.rawData.byteLength > 0 || count === 0
        ? proto.rawData
        : packTyped(proto, type, where);
  if (data.byteLength !== bytes) {
    throw new GraphError(
      'bad_tensor',
      `${where}: a ${type} tensor of [${dims}] takes ${bytes} bytes, the file has ${data.byteLength}`,
    );
  }
  return { type, dims, data };
}

function readDims(proto: TensorProto, where: string, limits: ReadLimits): number[] {
  if (proto.dims.length > limits.rank) {
    throw new GraphError(
      'too_large',
      `${where}: has ${proto.dims.length} dimensions, at most ${limits.rank} are read`,
    );
  }
  return proto.dims.map((dim) => {
    if (dim < 0n || dim > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new GraphError('bad_tensor', `${where}: ${dim} is not a dimension`);
    }
    return Number(dim);
  });
}

/**
 * Values from the typed fields (onnx-ml.proto, TensorProto fields 4 to 11): all types of 32 bits and fewer save float32
 * share int32_data, float16 and bfloat16 as bit patterns; uint32 shares uint64_data.
 */
function packTyped(proto: TensorProto, type: DataType, where: string): Uint8Array {
  const bytes = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  switch (type) {
    case 'float32':
      return bytes(Float32Array.from(proto.floatData));
    case 'float64':
      return bytes(Float64Array.from(proto.doubleData));
    case 'int64':
      return bytes(BigInt64Array.from(proto.int64Data));
    case 'uint64':
      return bytes(BigUint64Array.from(proto.uint64Data));
    case 'uint32':
      return bytes(Uint32Array.from(inRange(proto.uint64Data.map(Number), 0, 2 ** 32 - 1, where)));
    case 'int32':
      return bytes(Int32Array.from(proto.int32Data));
    case 'int16':
      return bytes(Int16Array.from(inRange(proto.int32Data, -(2 ** 15), 2 ** 15 - 1, where)));
    case 'int8':
      return bytes(Int8Array.from(inRange(proto.int32Data, -128, 127, where)));
    case 'uint16':
    case 'float16':
    case 'bfloat16':
      return bytes(Uint16Array.from(inRange(proto.int32Data, 0, 2 ** 16 - 1, where)));
    case 'uint8':
      return bytes(Uint8Array.from(inRange(proto.int32Data, 0, 255, where)));
    case 'bool':
      return bytes(Uint8Array.from(inRange(proto.int32Data, 0, 1, where)));
  }
}

function inRange(values: number[], low: number, high: number, where: string): number[] {
  const wrong = values.find((value) => value < low || value > high);
  if (wrong !== undefined)
    throw new GraphError('bad_tensor', `${where}: ${wrong} is outside ${low} to ${high}`);
  return values;
}

function externalBytes(
  proto: TensorProto,
  where: string,
  expected: number,
  external: ExternalResolver | undefined,
): Uint8Array {
  const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]));
  const location = entries.get('location') ?? '';
  const fault = locationFault(location);
  if (fault) {
    throw new GraphError(
      'bad_external_data',
      `${where}: the external file ${JSON.stringify(location)} ${fault}`,
    );
  }
  const offset = wholeNumber(entries.get('offset') ?? '0', where, 'offset');
  const length = wholeNumber(entries.get('length') ?? String(expected), where, 'length');
  if (length !== expected) {
    throw new GraphError(
      'bad_external_data',
      `${where}: its ${expected} bytes are said to be ${length} bytes of ${location}`,
    );
  }
  if (!external) {
    throw new GraphError(
      'bad_external_data',
      `${where}: lies in ${location}; pass a resolver for external data`,
    );
  }
  const data = external(location, offset, length);
  if (data.byteLength !== length) {
    throw new GraphError(
      'bad_external_data',
      `${where}: ${location} has ${data.byteLength} of ${length} bytes at offset ${offset}`,
    );
  }
  return data;
}

/** Why a location could mean a file outside the model's folder on any operating system; undefined when it cannot. */
function locationFault(location: string): string | undefined {
  if (location === '') return 'has no name';
  if (location.length > 1024) return 'has a name of more than 1024 characters';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\\:]/.test(location))
    return 'has a backslash, a colon or a control character in its name';
  const parts = location.split('/');
  if (parts[0] === '') return 'is an absolute path';
  if (parts.includes('..')) return 'leaves the folder of the model';
  return undefined;
}

function wholeNumber(text: string, where: string, field: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) {
    throw new GraphError(
      'bad_external_data',
      `${where}: the external ${field} is not a whole number of bytes`,
    );
  }
  return value;
}
