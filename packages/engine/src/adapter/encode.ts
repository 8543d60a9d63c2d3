import { AppError, Card, type ModelRef } from '@scion/contracts';
import { Value } from 'typebox/value';
import type { AdapterSite } from '../base/convert.js';
import { encodeFloat16 } from '../float16.js';
import { type SafeTensor, writeSafetensors } from '../safetensors.js';
import {
  contentHash,
  FORMAT,
  hash,
  isFinite16,
  outputsOf,
  ownerHash,
  scaledHalves,
  tensorNames,
  transposed,
  weightsHash,
} from './format.js';

export interface HeadParameters {
  /** Row-major, labels × features. */
  weight: Float32Array;
  bias: Float32Array;
  /** Of a regression, whose default is 1: what features · weight is multiplied with before the bias is added. */
  scale?: number | undefined;
}

/** The matrices of one adapted layer, as the graphs have them. */
export interface LoraMatrices {
  site: AdapterSite;
  /** inFeatures × rank */
  a: Float32Array;
  /** rank × outFeatures, not yet scaled by alpha / rank */
  b: Float32Array;
}

export interface EncodeAdapterInput extends HeadParameters {
  /** Its `recipe.lora` describes `lora`: the two are given both or neither. */
  card: Card;
  owner: ModelRef;
  lora?: LoraMatrices[] | undefined;
}

/**
 * The file of a trained model, the SHA-256 of its bytes, in hex, and the card as it stands in it, which names the weights
 * by their hash.
 * @throws AppError training_diverged when a parameter is not finite or exceeds a half's range, as stored or as served
 */
export function encodeAdapter({ weight, bias, scale = 1, lora = [], card, owner }: EncodeAdapterInput): {
  bytes: Uint8Array;
  sha256: string;
  card: Card;
} {
  const labels = outputsOf(card);
  const features = weight.length / labels;
  const { lora: recipe } = card.recipe;
  if (!Value.Check(Card, card) || labels < 1 || bias.length !== labels || !Number.isInteger(features))
    throw new TypeError('the card, the weight and the bias do not fit together');
  if ((card.method === 'lora') !== lora.length > 0 || (recipe !== undefined) !== lora.length > 0)
    throw new TypeError('the card and the adapter do not fit together');
  const tensors = new Map<string, SafeTensor>([
    ['head.weight', half([labels, features], weight)],
    ['head.bias', { dtype: 'F32', shape: [labels], data: bytesOf(Float32Array.from(bias)) }],
  ]);
  if (card.kind === 'regression')
    tensors.set('head.scale', { dtype: 'F32', shape: [1], data: bytesOf(Float32Array.of(scale)) });
  else if (scale !== 1) throw new TypeError('only a regression has a scale');
  for (const { site, a, b } of lora) {
    const { rank } = recipe!;
    const { inFeatures, outFeatures } = site;
    if (a.length !== inFeatures * rank || b.length !== rank * outFeatures)
      throw new TypeError(`the matrices of ${site.name} are not of rank ${rank}`);
    const names = tensorNames(site);
    tensors.set(names.a, half([rank, inFeatures], transposed(a, inFeatures, rank)));
    tensors.set(names.b, half([outFeatures, rank], transposed(b, rank, outFeatures)));
    if (!isFinite16(scaledHalves(encodeFloat16(b), recipe!))) throw notFinite();
  }
  if (![...bias, Math.fround(scale)].every(Number.isFinite)) throw notFinite();
  const sealed: Card = { ...card, weightsSha256: weightsHash(tensors) };
  const metadata = new Map([
    ['scion.format', FORMAT],
    ['scion.base', card.baseSha256],
    ['scion.owner', ownerHash(owner)],
    ['scion.card', JSON.stringify(sealed)],
  ]);
  metadata.set('scion.content', contentHash(metadata, tensors));
  const bytes = writeSafetensors(tensors, metadata);
  return { bytes, sha256: hash([bytes]), card: sealed };
}

function half(shape: number[], values: Float32Array): SafeTensor {
  const halves = encodeFloat16(values);
  if (!isFinite16(halves)) throw notFinite();
  return { dtype: 'F16', shape, data: bytesOf(halves) };
}

const notFinite = () => new AppError('training_diverged', 'Training gave parameters that are not finite.');

function bytesOf(array: Uint16Array | Float32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
