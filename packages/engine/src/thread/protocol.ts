import type { FitEvent, FitOptions, FittedHead, HeadData } from '../head/fit-head.js';

/** What a thread is given when it starts. */
export interface ThreadSetup {
  modelPath: string;
  tokenizerPath: string;
  maxTokens: number;
  maxTokensPerRun: number;
  featureSize: number;
}

/** Work for a thread. `cancelled` is a flag that the thread looks at between steps: 1 when nobody waits any more. */
export type ThreadWork =
  | { kind: 'features'; texts: string[] }
  | {
      kind: 'fit';
      data: HeadData;
      options: Pick<FitOptions, 'seed' | 'grid'>;
      cancelled: SharedArrayBuffer;
    };

export interface ThreadResults {
  /** Rows × featureSize, in the order of the texts. */
  features: Float32Array;
  fit: FittedHead;
}

export type ThreadEvent = FitEvent;

export interface ToThread {
  id: number;
  work: ThreadWork | { kind: 'close' };
}

export type FromThread =
  | { kind: 'ready'; provider: string }
  | { kind: 'done'; id: number; result: Float32Array | FittedHead }
  | { kind: 'event'; id: number; event: ThreadEvent }
  | { kind: 'failed'; id: number; message: string };
