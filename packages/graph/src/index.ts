/**
 * Owns ONNX graphs as plain data: reads, builds, rewrites, differentiates and writes them. Refuses I/O, runtimes and
 * anything that is not a graph: files, sessions and tokenizers belong to the engine.
 */
export { buildBert } from './architectures/bert.js';
export { buildEncoder } from './architectures/build-encoder.js';
export type { Activation, ModelConfig } from './architectures/config.js';
export { buildDistilbert } from './architectures/distilbert.js';
export type { BuiltEncoder, EncoderOutputs, EncoderSource } from './architectures/encoder.js';
export { type AttentionInput, type ExportedEncoder, readExportedEncoder } from './architectures/exported.js';
export { buildMpnet } from './architectures/mpnet.js';
export { buildRoberta } from './architectures/roberta.js';
export type { EncoderSizes } from './architectures/sizes.js';
export type { Weight, WeightSource } from './architectures/weights.js';
export { type Differentiation, differentiate, findPath, type Path } from './autodiff/differentiate.js';
export { createEmitter, type Emitter } from './autodiff/emitter.js';
export { type Feeds, type OpenSession, probeShapes, type Session } from './autodiff/probe.js';
export { rules } from './autodiff/rules/table.js';
export { type Builder, createBuilder, type NodeOptions, type Value } from './builder.js';
export { GraphError, type GraphErrorCode } from './error.js';
export type { Adapter, GroupOf } from './inject/adapters.js';
export type { GraftOptions } from './inject/features.js';
export type { Head } from './inject/head.js';
export { buildInferenceGraph, type InferenceGraph, type InferenceOptions } from './inject/inference-graph.js';
export {
  type Extent,
  initialParameters,
  type Parameter,
  type ParameterLayout,
  parameterCount,
  parameterOffsets,
} from './inject/parameters.js';
export type { Pooling } from './inject/pooling.js';
export { type SampleSizes, sampleInputs } from './inject/sample.js';
export { findSites, matchSites, type Site } from './inject/sites.js';
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
export {
  type ExternalFile,
  type ExternalPlace,
  type WriteOptions,
  type WrittenModel,
  writeModel,
} from './onnx/write-model.js';
export { cutPoints } from './passes/cut-points.js';
export { foldConstants } from './passes/fold-constants.js';
export { fuseGelu } from './passes/fuse-gelu.js';
export { fuseLayerNorm } from './passes/fuse-layer-norm.js';
export { importModel, simplify } from './passes/import-model.js';
export { normaliseOpset } from './passes/normalise-opset.js';
export { quantiseDynamic } from './passes/quantise-dynamic.js';
export { removeDead } from './passes/remove-dead.js';
export { type SplitModel, type SplitOptions, splitModel } from './passes/split-model.js';
export { type TakenProducts, takeOutProducts } from './passes/take-out-products.js';
export { registerTraining } from './selfcheck/register-training.js';
export {
  type Check,
  type SelfCheckOptions,
  type SelfCheckReport,
  selfCheck,
} from './selfcheck/self-check.js';
export { floatScalar, floatTensor, int64Scalar, int64Tensor, numbersOf } from './tensor.js';
export { type AdamW, defaultAdamW } from './train/adamw.js';
export { type Loss, MASKED_SCORE } from './train/losses.js';
export {
  buildTrainingGraph,
  type TrainingGraph,
  type TrainingOptions,
  type TrainingSizes,
} from './train/training-graph.js';
