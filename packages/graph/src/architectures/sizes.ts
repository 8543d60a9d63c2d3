import type { Activation } from './config.js';

/** What an encoder's configuration says of its size, whatever the family calls it. */
export interface EncoderSizes {
  hidden: number;
  heads: number;
  layers: number;
  intermediate: number;
  /** Longest input in tokens. */
  maxTokens: number;
  epsilon: number;
  activation: Activation;
}
