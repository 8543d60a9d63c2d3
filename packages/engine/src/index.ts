/** Owns bases, tokenizers, adapters, sessions, training and inference; refuses network, storage and records. */
export {
  type AdapterCache,
  type AdapterCacheOptions,
  type AdapterKey,
  type AdapterLease,
  createAdapterCache,
} from './adapter/cache.js';
export {
  type AdapterExpectations,
  type DecodedAdapter,
  decodeAdapter,
  type ResidentAdapter,
} from './adapter/decode.js';
export {
  type EncodeAdapterInput,
  encodeAdapter,
  type HeadParameters,
  type LoraMatrices,
} from './adapter/encode.js';
export { rebindAdapter } from './adapter/rebind.js';
export { type AskedVersion, askLive } from './ask-live.js';
export { type RegisterBaseInput, readBase, registerBase, type TrunkType } from './base/base.js';
export type { BaseInfo } from './base/base-info.js';
export type { AdapterSite } from './base/convert.js';
export { BaseError } from './base/source.js';
export type { CallOptions, LabelProbabilities, PredictOptions, TenantCall } from './calls.js';
export { createEngine, type Engine, type EngineOptions } from './engine.js';
export {
  type Answers,
  decideGate,
  type GateInput,
  type LiveAnswers,
  NEW_ROWS_TO_COMPARE,
  ROWS_TO_JUDGE,
} from './gate.js';
export type { FitEvent } from './head/fit-head.js';
export { confusionMatrix, labelScores, measure, PROBABILITY_FLOOR, reliability } from './head/metrics.js';
export type { Targets } from './head/targets.js';
export { LORA_SETTINGS, type LoraSettings } from './lora/recipe.js';
export { targetsOf } from './targets-of.js';
export type { Provider, TrunkOutput } from './thread/protocol.js';
export type {
  TrainedHead,
  TrainedLora,
  TrainedModel,
  TrainInput,
  Training,
  TrainOptions,
} from './train.js';
export { ZERO_SHOT_TEMPERATURE } from './zero-shot.js';
