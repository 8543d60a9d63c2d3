import type { DataType } from '../ir.js';
import { TensorProto_DataType as Code } from './generated/onnx-ml_pb.js';

/** onnx-ml.proto, enum TensorProto.DataType: our name and its number. Strings, complex, 8- and 4-bit floats are not ours. */
export const dataTypeCodes: Record<DataType, Code> = {
  float32: Code.FLOAT,
  float16: Code.FLOAT16,
  bfloat16: Code.BFLOAT16,
  float64: Code.DOUBLE,
  int8: Code.INT8,
  uint8: Code.UINT8,
  int16: Code.INT16,
  uint16: Code.UINT16,
  int32: Code.INT32,
  uint32: Code.UINT32,
  int64: Code.INT64,
  uint64: Code.UINT64,
  bool: Code.BOOL,
};

export const dataTypesByCode = new Map<number, DataType>(
  Object.entries(dataTypeCodes).map(([type, code]) => [code, type as DataType]),
);
