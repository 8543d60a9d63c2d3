import { AppError, Card, type LoraRecipe, type ModelRef, type TaskKind } from '@scion/contracts';
import { Value } from 'typebox/value';
import type { BaseInfo } from '../base/base-info.js';
import type { AdapterSite } from '../base/convert.js';
import { readSafetensors, type SafeTensor, SafetensorsError } from '../safetensors.js';
import {
  contentHash,
  FORMAT,
  hash,
  isFinite16,
  metadataKeys,
  outputsOf,
  ownerHash,
  scaledHalves,
  tensorNames,
  transposed,
  weightsHash,
} from './format.js';

/** The card is the header's bulk: 500 labels of 200 characters, named twice, stay far below. */
const MAX_HEADER_BYTES = 4 * 1024 * 1024;

/** LoRA matrices of all sites of the base, ready to be copied into a run's inputs. */
export interface LoraWeights {
  rank: number;
  /**
   * Bit patterns of halves, in shared memory: for each site of the base A [in, rank], then B [rank, out] times
   * alpha / rank; zeros for sites that are not adapted.
   */
  data: Uint16Array;
}

/** A head as it is kept in memory, which is paid for in bytes: as stored. */
export interface HeadWeights {
  /** Bit patterns of halves in shared memory, labels × features. */
  weight: Uint16Array;
  /** In shared memory. */
  bias: Float32Array;
  /** What the product of features and weight is multiplied with before the bias is added. */
  scale: number;
}

/** What answering needs of an adapter, and all that stays resident. */
export interface ResidentAdapter {
  kind: TaskKind;
  /** In the order of the weight's rows; of a regression none. */
  labels: string[];
  head: HeadWeights;
  lora: LoraWeights | undefined;
  /** Of the file. */
  sha256: string;
  /** What it occupies when resident. */
  bytes: number;
}

export interface DecodedAdapter extends ResidentAdapter {
  card: Card;
}

/** An adapter's objects, its key and its entries in the cache's maps: measured, with some air. */
const RESIDENT_OVERHEAD_BYTES = 2_048;

export interface AdapterExpectations {
  base: Pick<BaseInfo, 'sha256' | 'featureSize' | 'sites'>;
  /** Whose it must be. */
  owner: ModelRef;
  version?: number;
  /** Of the file, where it is known. */
  sha256?: string;
}

/**
 * Reads an artifact and believes nothing of it: container, format, hashes, owner, base, card, shapes, finiteness.
 * @throws AppError base_mismatch when it is whole but made for another base, else artifact_invalid
 */
export function decodeAdapter(file: Uint8Array, expected: AdapterExpectations): DecodedAdapter {
  const sha256 = hash([file]);
  if (expected.sha256 !== undefined && sha256 !== expected.sha256)
    throw invalid('its hash is not the one recorded');
  const { tensors, metadata } = open(file);
  if (metadata.get('scion.format') !== FORMAT) throw invalid(`its format is not ${FORMAT}`);
  if ([...metadata.keys()].sort().join() !== metadataKeys.join())
    throw invalid('its metadata is not complete');
  if (metadata.get('scion.content') !== contentHash(metadata, tensors))
    throw invalid('its content does not match its own hash');
  if (metadata.get('scion.owner') !== ownerHash(expected.owner)) throw invalid('it belongs to another model');

  const card = parseCard(metadata.get('scion.card')!);
  if (card.baseSha256 !== metadata.get('scion.base')) throw invalid('its card names another base');
  if (card.weightsSha256 !== undefined && card.weightsSha256 !== weightsHash(tensors))
    throw invalid('its card names other weights');
  if (card.task !== expected.owner.task) throw invalid('its card names another task');
  if (expected.version !== undefined && card.version !== expected.version)
    throw invalid('its card names another version');
  if (card.baseSha256 !== expected.base.sha256)
    throw new AppError('base_mismatch', 'The model was trained on another base; train it again on this one.');

  const { labels } = card;
  const { kind = 'classification' } = card;
  if (labels.length < 1 !== (kind === 'regression') || new Set(labels).size !== labels.length)
    throw invalid('its labels are not distinct');
  const outputs = outputsOf(card);
  const { lora: recipe } = card.recipe;
  if ((card.method === 'lora') !== (recipe !== undefined)) throw invalid('its card contradicts itself');
  const adapted = recipe ? adaptedSites(recipe, expected.base.sites) : new Set<AdapterSite>();
  const isScaled = kind === 'regression' && tensors.has('head.scale');
  if (tensors.size !== (isScaled ? 3 : 2) + 2 * adapted.size)
    throw invalid('it holds other tensors than its card says');

  const { featureSize, sites } = expected.base;
  const loraHalves = recipe ? sites.reduce((sum, site) => sum + siteHalves(site, recipe.rank), 0) : 0;
  const weightHalves = outputs * featureSize;
  const biasAt = 4 * Math.ceil((loraHalves + weightHalves) / 2);
  // One piece of shared memory, so that threads read it where it lies, free of the file's buffer.
  const memory = new SharedArrayBuffer(biasAt + 4 * outputs);
  const weight = new Uint16Array(memory, 2 * loraHalves, weightHalves);
  weight.set(halvesOf(take(tensors, 'head.weight', 'F16', [outputs, featureSize])));
  const bias = new Float32Array(memory, biasAt, outputs);
  bias.set(floatsOf(take(tensors, 'head.bias', 'F32', [outputs])));
  const [scale] = isScaled ? floatsOf(take(tensors, 'head.scale', 'F32', [1])) : [1];
  if (!isFinite16(weight) || ![...bias, scale].every(Number.isFinite))
    throw invalid('a parameter is not finite');
  const lora = recipe && { rank: recipe.rank, data: new Uint16Array(memory, 0, loraHalves) };
  if (lora) readLora(tensors, recipe, { sites, adapted }, lora.data);
  const bytes = memory.byteLength + 2 * labels.join('').length + RESIDENT_OVERHEAD_BYTES;
  return { card, kind, labels, head: { weight, bias, scale }, lora, sha256, bytes };
}

/** Fills `out` as `LoraWeights.data` says. */
function readLora(
  tensors: Map<string, SafeTensor>,
  recipe: LoraRecipe,
  { sites, adapted }: { sites: readonly AdapterSite[]; adapted: ReadonlySet<AdapterSite> },
  out: Uint16Array,
): void {
  const { rank } = recipe;
  let at = 0;
  for (const site of sites) {
    if (adapted.has(site)) {
      const { inFeatures, outFeatures } = site;
      const names = tensorNames(site);
      const a = halvesOf(take(tensors, names.a, 'F16', [rank, inFeatures]));
      const b = halvesOf(take(tensors, names.b, 'F16', [outFeatures, rank]));
      if (!isFinite16(a) || !isFinite16(b)) throw invalid('a parameter is not finite');
      out.set(transposed(a, rank, inFeatures), at);
      const scaled = scaledHalves(transposed(b, outFeatures, rank), recipe);
      if (!isFinite16(scaled)) throw invalid('a parameter exceeds its range');
      out.set(scaled, at + rank * inFeatures);
    }
    at += siteHalves(site, rank);
  }
}

/** The sites that a recipe names, all of which the base must have. */
function adaptedSites({ layers, targets }: LoraRecipe, sites: readonly AdapterSite[]): Set<AdapterSite> {
  const found = sites.filter(({ layer, target }) => layers.includes(layer) && targets.includes(target));
  if (found.length !== layers.length * targets.length)
    throw invalid('it adapts layers that the base keeps frozen');
  return new Set(found);
}

/** Numbers of a site's two matrices. */
function siteHalves({ inFeatures, outFeatures }: AdapterSite, rank: number): number {
  return (inFeatures + outFeatures) * rank;
}

/** A copy, for the file's bytes may lie at any alignment. */
function halvesOf(bytes: Uint8Array): Uint16Array {
  return new Uint16Array(new Uint8Array(bytes).buffer);
}

function floatsOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(new Uint8Array(bytes).buffer);
}

function open(file: Uint8Array) {
  try {
    return readSafetensors(file, { maxHeaderBytes: MAX_HEADER_BYTES });
  } catch (error) {
    if (error instanceof SafetensorsError) throw invalid(error.message, error);
    throw error;
  }
}

function parseCard(json: string): Card {
  let card: unknown;
  try {
    card = JSON.parse(json);
  } catch (error) {
    throw invalid('its card is not JSON', error);
  }
  if (!Value.Check(Card, card)) throw invalid('its card does not match the schema');
  return card;
}

function take(
  tensors: Map<string, SafeTensor>,
  name: string,
  dtype: SafeTensor['dtype'],
  shape: number[],
): Uint8Array {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw invalid(`${name} is missing`);
  if (tensor.dtype !== dtype || tensor.shape.join() !== shape.join())
    throw invalid(`${name} is not ${dtype} [${shape.join(', ')}]`);
  return tensor.data;
}

function invalid(what: string, cause?: unknown): AppError {
  return new AppError('artifact_invalid', `The model’s artifact was refused: ${what}.`, { cause });
}
