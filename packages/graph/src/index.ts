/**
 * Owns ONNX graphs as plain data: reads, builds, rewrites, differentiates and writes them. Refuses I/O, runtimes and
 * anything that is not a graph: files, sessions and tokenizers belong to the engine.
 */
export { buildBert, type EncoderSource } from './architectures/bert.js';
export type { Activation, ModelConfig } from './architectures/config.js';
export type { BuiltEncoder, EncoderOutputs, EncoderSizes } from './architectures/encoder.js';
export type { Weight, WeightSource } from './architectures/weights.js';
export { type Differentiation, differentiate, findPath, type Path } from './autodiff/differentiate.js';
export { createEmitter, type Emitter } from './autodiff/emitter.js';
export { type Feeds, type OpenSession, probeShapes, type Session } from './autodiff/probe.js';
export { rules } from './autodiff/rules/table.js';
export { type Builder, createBuilder, type NodeOptions, type Value } from './builder.js';
export { GraphError, type GraphErrorCode } from './error.js';
export {
  type Attribute,
  type DataType,
  type Dim,
  type Graph,
  type Model,
  type Node,
  OPSET,
  type Tensor,
  type ValueInfo,
} from './ir.js';
export { defaultLimits, type ReadLimits } from './onnx/limits.js';
export { type ReadOptions, readModel } from './onnx/read-model.js';
export type { ExternalResolver } from './onnx/read-tensor.js';
export { type ExternalFile, type WriteOptions, type WrittenModel, writeModel } from './onnx/write-model.js';
export { floatScalar, floatTensor, int64Scalar, int64Tensor, numbersOf } from './tensor.js';
