import { createHash } from 'node:crypto';
import { AppError, Card, type ModelRef } from '@scion/contracts';
import { Value } from 'typebox/value';
import { decodeFloat16, encodeFloat16 } from './float16.js';
import { readSafetensors, type SafeTensor, SafetensorsError, writeSafetensors } from './safetensors.js';

/**
 * The adapter artifact: one safetensors file.
 *
 *   head.weight  F16 [labels, features]   standardisation and temperature are folded in
 *   head.bias    F32 [labels]             float32, since folding in the means makes it large beside its precision
 *   __metadata__ scion.format, scion.base, scion.owner, scion.card, scion.content
 *
 * logits = features · weightᵀ + bias. `scion.owner` is a hash of the model's names, so that a file served under the
 * wrong key is refused; `scion.content` is a hash of everything that has meaning, so that damage is seen even where
 * the file's own hash is not known.
 */
const FORMAT = 'scion-adapter/1';
/** The card is the header's bulk: 500 labels of 200 characters, named twice, stay far below. */
const MAX_HEADER_BYTES = 4 * 1024 * 1024;
const metadataKeys = ['scion.base', 'scion.card', 'scion.content', 'scion.format', 'scion.owner'];

export interface HeadParameters {
  /** Row-major, labels × features. */
  weight: Float32Array;
  bias: Float32Array;
}

export interface EncodeAdapterInput extends HeadParameters {
  card: Card;
  owner: ModelRef;
}

export interface DecodedAdapter {
  card: Card;
  /** In the order of the weight's rows. */
  labels: string[];
  /** Bit patterns of halves, labels × features: kept as stored, since residency is paid in bytes. */
  weight: Uint16Array;
  bias: Float32Array;
  /** Of the file. */
  sha256: string;
  /** What it occupies when resident: its tensors and its header. */
  bytes: number;
}

/**
 * The file of a trained head and the SHA-256 of its bytes, in hex.
 * @throws AppError training_failed when a parameter is not finite or exceeds a half's range
 */
export function encodeAdapter({ weight, bias, card, owner }: EncodeAdapterInput): {
  bytes: Uint8Array;
  sha256: string;
} {
  const labels = card.labels.length;
  const features = weight.length / labels;
  if (!Value.Check(Card, card) || labels < 1 || bias.length !== labels || !Number.isInteger(features))
    throw new TypeError('the card, the weight and the bias do not fit together');
  const halves = encodeFloat16(weight);
  if (!isFinite16(halves) || !bias.every(Number.isFinite))
    throw new AppError('training_failed', 'Training gave parameters that are not finite.');
  const tensors = new Map<string, SafeTensor>([
    ['head.weight', { dtype: 'F16', shape: [labels, features], data: bytesOf(halves) }],
    ['head.bias', { dtype: 'F32', shape: [labels], data: bytesOf(Float32Array.from(bias)) }],
  ]);
  const metadata = new Map([
    ['scion.format', FORMAT],
    ['scion.base', card.baseSha256],
    ['scion.owner', ownerHash(owner)],
    ['scion.card', JSON.stringify(card)],
  ]);
  metadata.set('scion.content', contentHash(metadata, tensors));
  const bytes = writeSafetensors(tensors, metadata);
  return { bytes, sha256: hash([bytes]) };
}

export interface AdapterExpectations {
  baseSha256: string;
  /** Columns of the weight: the base's `featureSize`. */
  featureSize: number;
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
  if (card.task !== expected.owner.task) throw invalid('its card names another task');
  if (expected.version !== undefined && card.version !== expected.version)
    throw invalid('its card names another version');
  if (card.baseSha256 !== expected.baseSha256)
    throw new AppError('base_mismatch', 'The model was trained on another base; train it again on this one.');

  const labels = card.labels.length;
  if (labels < 1 || new Set(card.labels).size !== labels) throw invalid('its labels are not distinct');
  if (tensors.size !== 2) throw invalid('it holds unknown tensors');
  const weight = take(tensors, 'head.weight', 'F16', [labels, expected.featureSize]);
  const bias = take(tensors, 'head.bias', 'F32', [labels]);
  // Copies: aligned, and free of the file's buffer.
  const halves = new Uint16Array(weight.slice().buffer);
  const offsets = new Float32Array(bias.slice().buffer);
  if (!isFinite16(halves) || !offsets.every(Number.isFinite)) throw invalid('a parameter is not finite');
  return { card, labels: card.labels, weight: halves, bias: offsets, sha256, bytes: file.byteLength };
}

/** The weight as float32, labels × features. */
export function adapterWeight(adapter: DecodedAdapter): Float32Array {
  return decodeFloat16(adapter.weight);
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

/** Every half but infinities and NaN has an exponent below 31. */
function isFinite16(bits: Uint16Array): boolean {
  for (let i = 0; i < bits.length; i += 1) if ((bits[i] & 0x7c00) === 0x7c00) return false;
  return true;
}

function bytesOf(array: Uint16Array | Float32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Parts are length-prefixed, so that no two lists of parts give the same bytes. */
function hash(parts: Uint8Array[], prefixed = false): string {
  const digest = createHash('sha256');
  for (const part of parts) {
    if (prefixed) {
      const length = new Uint8Array(8);
      new DataView(length.buffer).setBigUint64(0, BigInt(part.byteLength), true);
      digest.update(length);
    }
    digest.update(part);
  }
  return digest.digest('hex');
}

const utf8 = new TextEncoder();

function ownerHash({ tenantId, task, user }: ModelRef): string {
  return hash(
    ['scion-owner/1', tenantId, task, user].map((part) => utf8.encode(part)),
    true,
  );
}

function contentHash(metadata: Map<string, string>, tensors: Map<string, SafeTensor>): string {
  const parts: Uint8Array[] = [];
  for (const key of metadataKeys)
    if (key !== 'scion.content') parts.push(utf8.encode(metadata.get(key) ?? ''));
  for (const name of [...tensors.keys()].sort()) {
    const { dtype, shape, data } = tensors.get(name)!;
    parts.push(utf8.encode(JSON.stringify([name, dtype, shape])), data);
  }
  return hash(parts, true);
}
