import { type ParameterLayout, parameterCount, parameterOffsets } from '@scion/graph';
import type { LoraMatrices } from '../adapter/encode.js';
import type { AdapterSite } from '../base/convert.js';
import { featureScale } from './training-base.js';

/** A head for raw features: outputs × features, and outputs. */
export interface HeadValues {
  weight: Float32Array;
  bias: Float32Array;
}

/** Writes a head into a flat parameter vector of the training graph. */
export function setHead(
  vector: Float32Array,
  layout: ParameterLayout,
  hiddenSize: number,
  { weight, bias }: HeadValues,
): void {
  const scale = featureScale(hiddenSize);
  const at = layout.fixedSize;
  for (let i = 0; i < weight.length; i += 1) vector[at + i] = weight[i] / scale;
  vector.set(bias, at + weight.length);
}

/** The head of a flat parameter vector, for raw features. */
export function headOf(
  vector: Float32Array,
  layout: ParameterLayout,
  hiddenSize: number,
  outputs: number,
): HeadValues {
  const at = layout.fixedSize;
  const size = vector.length - at - outputs;
  const scale = featureScale(hiddenSize);
  return {
    weight: vector.slice(at, at + size).map((value) => value * scale),
    bias: vector.slice(at + size),
  };
}

/** The same parameters, with the head moved as far as it is from one head to another. */
export function moveHead(
  vector: Float32Array,
  layout: ParameterLayout,
  hiddenSize: number,
  { from, to }: { from: HeadValues; to: HeadValues },
): Float32Array {
  const { weight, bias } = headOf(vector, layout, hiddenSize, from.bias.length);
  const moved = vector.slice();
  setHead(moved, layout, hiddenSize, {
    weight: weight.map((value, i) => value + to.weight[i] - from.weight[i]),
    bias: bias.map((value, c) => value + to.bias[c] - from.bias[c]),
  });
  return moved;
}

/** The LoRA matrices of a flat parameter vector, by site. */
export function matricesOf(
  vector: Float32Array,
  layout: ParameterLayout,
  sites: readonly AdapterSite[],
): LoraMatrices[] {
  const outputs = outputsOf(vector, layout);
  const places = new Map(
    parameterOffsets(layout, outputs).map(({ parameter, offset, size }) => [
      parameter.name,
      vector.slice(offset, offset + size),
    ]),
  );
  return sites.map((site) => ({
    site,
    a: places.get(`${site.name}/lora_a`)!,
    b: places.get(`${site.name}/lora_b`)!,
  }));
}

/** How many outputs a flat vector has room for. */
function outputsOf(vector: Float32Array, layout: ParameterLayout): number {
  const perOutput = parameterCount(layout, 1) - layout.fixedSize;
  return (vector.length - layout.fixedSize) / perOutput;
}
