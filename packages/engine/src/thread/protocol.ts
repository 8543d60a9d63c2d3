import type { HeadWeights, LoraWeights } from '../adapter/decode.js';
import type { FitEvent, FitOptions, FittedHead, HeadData } from '../head/fit-head.js';

/** What a thread is given when it starts. */
export interface ThreadSetup {
  trunkPath: string;
  topPath: string;
  tokenizerPath: string;
  maxTokens: number;
  maxTokensPerRun: number;
  hiddenSize: number;
  featureSize: number;
  sites: { name: string; inFeatures: number; outFeatures: number }[];
}

/** What the trunk makes of one text: all that a top, serving or training, needs of it. In shared memory. */
export interface TrunkOutput {
  tokens: number;
  /** tokens × hiddenSize */
  hidden: Float32Array;
  /** The features of the layers at or below the cut: layers × hiddenSize, each layer of unit length. */
  pooled: Float32Array;
}

/** One row of a run. Rows of many users and tenants share runs; what is theirs comes with the row. */
export interface Row {
  /** A text, or what the trunk once made of it. */
  input: string | TrunkOutput;
  /** Undefined: the bare base. */
  lora?: LoraWeights | undefined;
  /**
   * What the answer's `values` are: the scores of these heads one after another, the features, or nothing, where only the
   * trunk's output is wanted.
   */
  answer: HeadWeights[] | 'features' | 'trunk';
  /** Answer the trunk's output too, where the input is a text. */
  keepTrunk?: boolean | undefined;
}

export interface RowAnswer {
  values: Float32Array;
  /** For `keepTrunk` and the answer `trunk`. */
  trunk?: TrunkOutput | undefined;
}

/** Work for a thread. `cancelled` is a flag that the thread looks at between steps: 1 when nobody waits any more. */
export type ThreadWork =
  | { kind: 'rows'; rows: Row[] }
  | {
      kind: 'fit';
      data: HeadData;
      options: Pick<FitOptions, 'seed' | 'grid'>;
      cancelled: SharedArrayBuffer;
    };
export interface ThreadResults {
  /** In the order of the rows. */
  rows: RowAnswer[];
  fit: FittedHead;
}
export type ThreadEvent = FitEvent;

export interface ToThread {
  id: number;
  work: ThreadWork | { kind: 'close' };
}
export type FromThread =
  | { kind: 'ready'; provider: string }
  | { kind: 'done'; id: number; result: RowAnswer[] | FittedHead }
  | { kind: 'event'; id: number; event: ThreadEvent }
  | { kind: 'failed'; id: number; message: string };
