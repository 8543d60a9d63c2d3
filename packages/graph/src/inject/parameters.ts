/** Which numbers a user owns, and where they lie in the one flat vector that holds them. */

/** A size fixed when the graph is made, or the number of labels, which every run chooses anew. */
export type Extent = number | 'labels';

export interface Parameter {
  /** E.g. `layer.3.attention.query/lora_a`, `head/weight`. */
  name: string;
  shape: Extent[];
  /** Learning rates are given by group. */
  group: string;
  /** Whether weight decay pulls it to zero: matrices yes, biases and gains no. */
  decay: boolean;
  /** Zero leaves the base as it is; LoRA's A starts uniform in ±bound so that B has something to learn from. */
  initial: { kind: 'zeros' } | { kind: 'uniform'; bound: number };
  /** The axis of a LoRA matrix that is its rank, which inference may leave open: users' ranks differ. */
  rankAxis?: number;
}

/** The parameters in the order in which they lie; those sized by labels come last. */
export interface ParameterLayout {
  parameters: Parameter[];
  /** Learning-rate groups, in the order of the `learning_rate` input's columns. */
  groups: string[];
  /** How many numbers of a user do not depend on the labels: the adapters, and what of the head is fixed. */
  fixedSize: number;
}

/** How many numbers a parameter has. */
function extentOf({ shape }: Pick<Parameter, 'shape'>, labels: number): number {
  return shape.reduce<number>((product, size) => product * (size === 'labels' ? labels : size), 1);
}

/** Where each parameter lies in a user's flat vector for that many labels. */
export function parameterOffsets(
  layout: ParameterLayout,
  labels: number,
): { parameter: Parameter; offset: number; size: number }[] {
  let offset = 0;
  return layout.parameters.map((parameter) => {
    const size = extentOf(parameter, labels);
    offset += size;
    return { parameter, offset: offset - size, size };
  });
}

/** The length N of a user's flat vector. */
export function parameterCount(layout: ParameterLayout, labels: number): number {
  return layout.parameters.reduce((sum, parameter) => sum + extentOf(parameter, labels), 0);
}

/**
 * A new user's vector. Every adapter starts as the bare base: LoRA's B, gains' and biases' changes and the head are zero.
 * `random` answers numbers in [0, 1).
 */
export function initialParameters(
  layout: ParameterLayout,
  labels: number,
  random: () => number,
): Float32Array {
  const vector = new Float32Array(parameterCount(layout, labels));
  for (const { parameter, offset, size } of parameterOffsets(layout, labels)) {
    if (parameter.initial.kind === 'zeros') continue;
    const { bound } = parameter.initial;
    for (let i = 0; i < size; i++) vector[offset + i] = (random() * 2 - 1) * bound;
  }
  return vector;
}
