import type { ProblemCode, TaskKind } from '@scion/contracts';
import type { ParameterLayout } from '@scion/graph';
import type { HeadWeights, LoraWeights } from '../adapter/decode.js';
import type {
  FitEvent,
  FitOptions,
  FittedHead,
  FittedLinear,
  HeadData,
  LinearFit,
} from '../head/fit-head.js';

/** What can run the base. */
export type Provider = 'cpu' | 'cuda';

/** What a thread is given when it starts. */
export interface ThreadSetup {
  provider: Provider;
  trunkPath: string;
  topPath: string;
  /** What training grafts onto; the graphs derived from it are kept beside it. */
  trainingPath: string;
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
  /** The text's length to the base; a share of it where rows were computed once. */
  tokens: number;
  /** For `keepTrunk` and the answer `trunk`. */
  trunk?: TrunkOutput | undefined;
}

/** All that a fit needs to go on from: AdamW's parameters and moments, and the steps made. */
export interface FitState {
  step: number;
  parameters: Float32Array;
  firstMoment: Float32Array;
  secondMoment: Float32Array;
}

/** One row of a step. */
export interface TrainingRow extends TrunkOutput {
  /** What `Projections` make of it, where that has been kept. In shared memory. */
  projections?: Float32Array | undefined;
}

/** One user's part of one step. */
export interface TrainStep {
  /** The length that rows are padded to; the same for all users of a step. */
  tokens: number;
  /** As many of each user. */
  rows: TrainingRow[];
  /** rows × outputs */
  targets: Float32Array;
  weights: Float32Array;
  adapterRate: number;
  headRate: number;
}

/** Which training graph of a base: adapters of different ranks have different ones. */
export interface TrainingGraphKey {
  kind: TaskKind;
  rank: number;
}

/** Some steps of some fits, stacked into one run: the unit of work that a thread is given. */
export interface TrainSlice {
  graph: TrainingGraphKey;
  /** All with as many outputs. */
  users: {
    outputs: number;
    state: FitState;
    /** Alpha / rank. */
    adapterScale: number;
    labelSmoothing: number;
    weightDecay: number;
    clipNorm: number;
  }[];
  /** [step][user] */
  steps: TrainStep[][];
  /** Whether to answer the projections that had to be computed. */
  keepProjections: boolean;
}

export interface TrainSliceResult {
  /** By user. */
  states: FitState[];
  /** [step][user] */
  losses: number[][];
  /** Of rows that came without, if they are to be kept; `row` counts through all users' rows of the step. */
  computed: { step: number; row: number; projections: Float32Array }[];
}

/** Work for a thread. `cancelled` is a flag that the thread looks at between steps: 1 when nobody waits any more. */
export type ThreadWork =
  | { kind: 'rows'; rows: Row[] }
  | {
      kind: 'fit';
      data: HeadData;
      options: Pick<FitOptions, 'seed' | 'grid'>;
      cancelled: SharedArrayBuffer;
    }
  | {
      kind: 'linear';
      data: Omit<HeadData, 'groups'>;
      fits: LinearFit[];
      cancelled: SharedArrayBuffer;
    }
  | { kind: 'prepare'; graph: TrainingGraphKey }
  | { kind: 'train'; slice: TrainSlice };
export interface ThreadResults {
  /** In the order of the rows. */
  rows: RowAnswer[];
  fit: FittedHead;
  /** In the order of the fits. */
  linear: FittedLinear[];
  prepare: ParameterLayout;
  train: TrainSliceResult;
}
export type ThreadEvent = FitEvent;

export interface ToThread {
  id: number;
  work: ThreadWork | { kind: 'close' };
}
export type FromThread =
  /** `fallback`: why it is not the provider asked for. */
  | { kind: 'ready'; provider: Provider; fallback?: string | undefined }
  | { kind: 'done'; id: number; result: ThreadResults[keyof ThreadResults] }
  | { kind: 'event'; id: number; event: ThreadEvent }
  /** The message is for the log alone; `problem` is what may be told, of a failure that has a code. */
  | { kind: 'failed'; id: number; message: string; problem?: { code: ProblemCode; detail: string } };
