import type { ParameterLayout } from '@scion/graph';
import type { HeadWeights, LoraWeights } from '../adapter/decode.js';
import type { LoraMatrices } from '../adapter/encode.js';
import type { AdapterSite } from '../base/convert.js';
import { decodeFloat16, encodeFloat16 } from '../float16.js';
import { headOf, matricesOf } from './parameters.js';
import type { LoraSettings } from './recipe.js';

/** A user's parameters as serving takes them, rounded to halves: what is measured is what will be served. */
export function servingWeights(
  vector: Float32Array,
  of: {
    layout: ParameterLayout;
    sites: readonly AdapterSite[];
    hiddenSize: number;
    outputs: number;
    settings: Pick<LoraSettings, 'rank' | 'alpha'>;
  },
): { head: HeadWeights; lora: LoraWeights } {
  const { weight, bias } = headOf(vector, of.layout, of.hiddenSize, of.outputs);
  return {
    head: { weight: sharedHalves([encodeFloat16(weight)]), bias: sharedFloats(bias) },
    lora: {
      rank: of.settings.rank,
      data: sharedHalves(
        matricesOf(vector, of.layout, of.sites).flatMap((matrices) => halvesOf(matrices, of.settings)),
      ),
    },
  };
}

/** A and B · alpha/rank, the product rounded from B's own rounded values as loading an artifact does. */
function halvesOf(
  { a, b }: LoraMatrices,
  { rank, alpha }: Pick<LoraSettings, 'rank' | 'alpha'>,
): Uint16Array[] {
  const scaled = decodeFloat16(encodeFloat16(b)).map((value) => (value * alpha) / rank);
  return [encodeFloat16(a), encodeFloat16(scaled)];
}

function sharedHalves(parts: Uint16Array[]): Uint16Array {
  const out = new Uint16Array(new SharedArrayBuffer(2 * parts.reduce((sum, part) => sum + part.length, 0)));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function sharedFloats(values: Float32Array): Float32Array {
  const out = new Float32Array(new SharedArrayBuffer(values.byteLength));
  out.set(values);
  return out;
}
