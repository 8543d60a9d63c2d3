import { readSafetensors, type SafeTensor, writeSafetensors } from '../safetensors.js';
import type { FitState } from '../thread/protocol.js';
import type { LoraSettings } from './recipe.js';

/** A training run between two legs of its way. */
export interface Checkpoint {
  /** Legs done. */
  leg: number;
  /** Of each fold's fit, and of the one that is kept. */
  states: FitState[];
  /** What the epoch with the least held-out loss gave, of each fit. */
  best: { epoch: number; loss: number; scores: Float64Array; parameters: Float32Array[] } | undefined;
  /** Epochs since then. */
  stale: number;
}

/** What a checkpoint belongs to. One of anything else is of no use. */
export interface CheckpointKey {
  settings: LoraSettings;
  seed: number;
  baseSha256: string;
  /** Of the examples. */
  dataSha256: string;
  /** Of the warm start that training began from; undefined where it began from scratch. */
  startSha256?: string | undefined;
}

/** Numbered anew whenever it holds something else, or a release would choose other rows of the same examples, or other batches. */
const FORMAT = 'scion-checkpoint/4';
const MAX_HEADER_BYTES = 1 << 20;

/** As a safetensors file: batches and rates follow from the step, so that there is no other random state. */
export function encodeCheckpoint({ leg, states, best, stale }: Checkpoint, key: CheckpointKey): Uint8Array {
  const tensors = new Map<string, SafeTensor>();
  const add = (name: string, values: Float32Array | Float64Array) =>
    tensors.set(name, {
      dtype: values instanceof Float32Array ? 'F32' : 'F64',
      shape: [values.length],
      data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    });
  for (const [i, state] of states.entries()) {
    add(`${i}.parameters`, state.parameters);
    add(`${i}.first_moment`, state.firstMoment);
    add(`${i}.second_moment`, state.secondMoment);
  }
  if (best) {
    add('best.scores', best.scores);
    for (const [i, parameters] of best.parameters.entries()) add(`best.${i}.parameters`, parameters);
  }
  const at = {
    ...{ leg, stale, steps: states.map(({ step }) => step) },
    best: best && { epoch: best.epoch, loss: best.loss },
  };
  return writeSafetensors(
    tensors,
    new Map([
      ['scion.format', FORMAT],
      ['scion.key', keyOf(key)],
      ['scion.at', JSON.stringify(at)],
    ]),
  );
}

/** Undefined for whatever is damaged or of other work: training then starts from the beginning. */
export function decodeCheckpoint(bytes: Uint8Array, key: CheckpointKey): Checkpoint | undefined {
  try {
    const { tensors, metadata } = readSafetensors(bytes, { maxHeaderBytes: MAX_HEADER_BYTES });
    if (metadata.get('scion.format') !== FORMAT || metadata.get('scion.key') !== keyOf(key)) return undefined;
    const at: {
      leg: number;
      stale: number;
      steps: number[];
      best?: { epoch: number; loss: number };
    } = JSON.parse(metadata.get('scion.at') ?? '');
    const take = (name: string): ArrayBuffer => tensors.get(name)!.data.slice().buffer as ArrayBuffer;
    return {
      leg: at.leg,
      stale: at.stale,
      states: at.steps.map((step, i) => ({
        step,
        parameters: new Float32Array(take(`${i}.parameters`)),
        firstMoment: new Float32Array(take(`${i}.first_moment`)),
        secondMoment: new Float32Array(take(`${i}.second_moment`)),
      })),
      best: at.best && {
        ...at.best,
        scores: new Float64Array(take('best.scores')),
        parameters: at.steps.map((_, i) => new Float32Array(take(`best.${i}.parameters`))),
      },
    };
  } catch {
    return undefined;
  }
}

/** In a fixed order of its fields, whoever made the objects. */
function keyOf({ settings, seed, baseSha256, dataSha256, startSha256 }: CheckpointKey): string {
  const ordered = Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([ordered, seed, baseSha256, dataSha256, startSha256]);
}
