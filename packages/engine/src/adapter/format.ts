import { createHash } from 'node:crypto';
import type { Card, LoraRecipe, ModelRef } from '@scion/contracts';
import type { AdapterSite } from '../base/convert.js';
import { decodeFloat16, encodeFloat16 } from '../float16.js';
import type { SafeTensor } from '../safetensors.js';

/**
 * The adapter artifact: one safetensors file.
 *
 *   head.weight  F16 [labels, features]   standardisation and temperature are folded in
 *   head.bias    F32 [labels]             float32, since folding in the means makes it large beside its precision
 *   head.scale   F32 [1]                  of a regression: its unit, which halves would not hold. Files of before it have
 *                                         it in the weight, and are read as of scale 1
 *   base_model.model.{module}.lora_A.weight  F16 [rank, in]    of each adapted layer, where there are any;
 *   base_model.model.{module}.lora_B.weight  F16 [out, rank]   names and layout are those of Hugging Face PEFT
 *   __metadata__ scion.format, scion.base, scion.owner, scion.card, scion.content
 *
 * An adapted layer computes x · W + (alpha / rank) · x · Aᵀ · Bᵀ, and the scores are features · weightᵀ · scale + bias. `scion.owner`
 * is a hash of the model's names, so that a file served under the wrong key is refused; `scion.content` is a hash of
 * everything that has meaning, so that damage is seen even where the file's own hash is not known.
 */
export const FORMAT = 'scion-adapter/2';
export const metadataKeys = ['scion.base', 'scion.card', 'scion.content', 'scion.format', 'scion.owner'];

/** Rows of the head's weight: one a label, of a regression one. */
export function outputsOf({ kind, labels }: Pick<Card, 'kind' | 'labels'>): number {
  return kind === 'regression' ? 1 : labels.length;
}

/** The names of a site's two tensors. */
export function tensorNames({ module }: AdapterSite): { a: string; b: string } {
  return {
    a: `base_model.model.${module}.lora_A.weight`,
    b: `base_model.model.${module}.lora_B.weight`,
  };
}

/** rows × columns as columns × rows. */
export function transposed<T extends Float32Array | Uint16Array>(
  matrix: T,
  rows: number,
  columns: number,
): T {
  const out = matrix.slice() as T;
  for (let row = 0; row < rows; row += 1)
    for (let column = 0; column < columns; column += 1)
      out[column * rows + row] = matrix[row * columns + column];
  return out;
}

/** Halves of B as serving multiplies with them: times alpha / rank. */
export function scaledHalves(
  b: Uint16Array,
  { rank, alpha }: Pick<LoraRecipe, 'rank' | 'alpha'>,
): Uint16Array {
  const scale = alpha / rank;
  return encodeFloat16(decodeFloat16(b).map((value) => value * scale));
}

/** Every half but infinities and NaN has an exponent below 31. */
export function isFinite16(bits: Uint16Array): boolean {
  for (let i = 0; i < bits.length; i += 1) if ((bits[i] & 0x7c00) === 0x7c00) return false;
  return true;
}

/** Parts are length-prefixed, so that no two lists of parts give the same bytes. */
export function hash(parts: Uint8Array[], prefixed = false): string {
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

export function ownerHash({ tenantId, task, user }: ModelRef): string {
  return hash(
    ['scion-owner/1', tenantId, task, user].map((part) => utf8.encode(part)),
    true,
  );
}

export function contentHash(metadata: Map<string, string>, tensors: Map<string, SafeTensor>): string {
  const parts: Uint8Array[] = [];
  for (const key of metadataKeys)
    if (key !== 'scion.content') parts.push(utf8.encode(metadata.get(key) ?? ''));
  return hash([...parts, ...tensorParts(tensors)], true);
}

/** What the card calls its weights. */
export function weightsHash(tensors: Map<string, SafeTensor>): string {
  return hash(tensorParts(tensors), true);
}

function tensorParts(tensors: Map<string, SafeTensor>): Uint8Array[] {
  return [...tensors.keys()].sort().flatMap((name) => {
    const { dtype, shape, data } = tensors.get(name)!;
    return [utf8.encode(JSON.stringify([name, dtype, shape])), data];
  });
}
