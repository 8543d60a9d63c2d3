import type { ParameterLayout } from '@scion/graph';
import type { HeadWeights, LoraWeights } from '../adapter/decode.js';
import { scaledHalves } from '../adapter/format.js';
import type { AdapterSite } from '../base/convert.js';
import { encodeFloat16 } from '../float16.js';
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
    head: { weight: sharedHalves([encodeFloat16(weight)]), bias: sharedFloats(bias), scale: 1 },
    lora: {
      rank: of.settings.rank,
      data: sharedHalves(
        matricesOf(vector, of.layout, of.sites).flatMap(({ a, b }) => [
          encodeFloat16(a),
          scaledHalves(encodeFloat16(b), of.settings),
        ]),
      ),
    },
  };
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
