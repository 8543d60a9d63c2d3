import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { GraphError } from '../error.js';
import { ModelProtoSchema } from './generated/onnx-ml_pb.js';
import type { ReadLimits } from './limits.js';

/**
 * Walks a ModelProto's bytes along the schema and allocates nothing, counting what decoding would create.
 * Errors: `too_large` past a limit, `malformed` where the bytes do not parse.
 */
export function scanWire(bytes: Uint8Array, limits: ReadLimits): void {
  const reader = new BinaryReader(bytes);
  let messages = 0;
  let scalars = 0;

  const countMessage = () => {
    messages += 1;
    if (messages > limits.messages) throw tooLarge('messages and strings', limits.messages);
  };
  const countScalars = (count: number) => {
    scalars += count;
    if (scalars > limits.scalars) throw tooLarge('numbers outside raw_data', limits.scalars);
  };

  const scan = (message: DescMessage, end: number, depth: number): void => {
    if (depth > limits.depth) throw tooLarge('levels of nesting', limits.depth);
    countMessage();
    const fields = fieldsOf(message);
    while (reader.pos < end) {
      const [number, wireType] = reader.tag();
      const field = fields.get(number);
      // Groups are in no version of the schema, and skipping them would recurse.
      if (wireType === WireType.StartGroup || wireType === WireType.EndGroup) throw malformed('a group');
      // The decoder reads a known field as its type is written, whatever the tag says: it would not see what is scanned here.
      if (
        field &&
        wireType !== wireTypeOf(field) &&
        !(wireType === WireType.LengthDelimited && isPackable(field))
      )
        throw malformed(`the field ${field.name} of a ${message.name} in the encoding of another type`);
      if (wireType !== WireType.LengthDelimited) {
        if (field) countScalars(1);
        reader.skip(wireType, number);
        continue;
      }
      const length = reader.uint32();
      const fieldEnd = reader.pos + length;
      if (fieldEnd > end) throw malformed(`a field that ends after its ${message.name}`);
      const inner = field && messageOf(field);
      if (inner) {
        scan(inner, fieldEnd, depth + 1);
      } else if (field) {
        // Strings and bytes become objects of their own.
        if (isPackable(field)) countScalars(Math.ceil(length / packedBytes(field)));
        else countMessage();
      }
      reader.pos = fieldEnd;
    }
    if (reader.pos !== end) throw malformed(`a ${message.name} that ends inside a field`);
  };

  try {
    scan(ModelProtoSchema, bytes.byteLength, 1);
  } catch (error) {
    if (error instanceof GraphError) throw error;
    throw new GraphError('malformed', `not an ONNX model: ${reasonOf(error)}`, { cause: error });
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function tooLarge(what: string, limit: number): GraphError {
  return new GraphError('too_large', `the model holds more than ${limit} ${what}`);
}

function malformed(what: string): GraphError {
  return new GraphError('malformed', `not an ONNX model: it contains ${what}`);
}

const fieldsByMessage = new WeakMap<DescMessage, Map<number, DescField>>();

function fieldsOf(message: DescMessage): Map<number, DescField> {
  let fields = fieldsByMessage.get(message);
  if (!fields) {
    fields = new Map(message.fields.map((field) => [field.number, field]));
    fieldsByMessage.set(message, fields);
  }
  return fields;
}

function messageOf(field: DescField): DescMessage | undefined {
  return field.fieldKind === 'message' || field.fieldKind === 'list' ? field.message : undefined;
}

/** How one element of a field is written. */
function wireTypeOf(field: DescField): WireType {
  if (messageOf(field)) return WireType.LengthDelimited;
  switch (field.scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    case ScalarType.FLOAT:
      return WireType.Bit32;
    case ScalarType.DOUBLE:
      return WireType.Bit64;
    default:
      return WireType.Varint;
  }
}

/** Whether the elements of a repeated field may also stand in one piece: numbers may. */
function isPackable(field: DescField): boolean {
  return field.fieldKind === 'list' && wireTypeOf(field) !== WireType.LengthDelimited;
}

/** The fewest bytes an element of a packed number field takes. */
function packedBytes(field: DescField): number {
  switch (wireTypeOf(field)) {
    case WireType.Bit32:
      return 4;
    case WireType.Bit64:
      return 8;
    default:
      return 1;
  }
}
