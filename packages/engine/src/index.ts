/** Owns bases, tokenizers, adapters, sessions, training and inference; refuses network, storage and records. */
export {
  type AdapterExpectations,
  adapterWeight,
  type DecodedAdapter,
  decodeAdapter,
  type EncodeAdapterInput,
  encodeAdapter,
  type HeadParameters,
} from './adapter.js';
