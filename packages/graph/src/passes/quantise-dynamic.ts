import { createEmitter, type Emitter, int } from '../autodiff/emitter.js';
import { castCodes } from '../builder.js';
import type { Model, Node, Tensor } from '../ir.js';
import { floatsOf, floatTensor } from '../tensor.js';
import { intOf } from './graph-edit.js';
import { removeDead } from './remove-dead.js';

/**
 * Weights use seven bits, ±64. Where a CPU has no VNNI, runtimes add two neighbouring products of uint8 and int8 in 16 bits:
 * 255 · 127 · 2 saturates there, and 255 · 64 · 2 = 32,640 does not, so that all CPUs compute the same (onnxruntime's
 * `reduce_range`). On a real encoder the eighth bit changed nothing that could be measured.
 */
const LARGEST_WEIGHT = 64;
/** Looked up, never multiplied as integers: the whole symmetric range. */
const LARGEST_ENTRY = 127;
/** Activations are 128 ± 127: uint8 with a zero in the middle, the same for all. */
const [MIDDLE, REACH] = [128, 127];
/** The least normal float32: a token of zeros is divided by it, and stays zeros. */
const SMALLEST = 2 ** -126;

/**
 * Dynamic quantisation: a MatMul or a Gemm by a constant float32 matrix becomes a product of integers (ONNX operators QuantizeLinear
 * and MatMulInteger), with one scale for each column of weights, known beforehand, and one for each token, found in the run:
 *
 *     x · W  ≈  (q(x / |x|max) − 128) · q(W)  ·  column scales  ·  |x|max of the token
 *
 * DynamicQuantizeLinear would take one scale for all that shares a run, so that what one text comes to hangs on its
 * neighbours. With a scale a token a row's answer is its own, to the bit, and the error half as large.
 *
 * Tables that Gather looks rows up in are stored as int8, with one scale a row. All else stays float32.
 */
export function quantiseDynamic(model: Model): Model {
  const graph = { ...model.graph, initializers: new Map(model.graph.initializers) };
  const emitter = createEmitter(graph);
  graph.nodes = [];
  const quantised = new Map<string, Quantised>();
  const constant = (name: string, use: keyof typeof uses): Quantised | undefined => {
    const tensor = graph.initializers.get(name);
    if (tensor?.type !== 'float32' || tensor.dims.length !== 2) return undefined;
    // A tied table may be looked up in and multiplied by: each use has scales of its own.
    const key = JSON.stringify([name, use]);
    const known = quantised.get(key) ?? uses[use](emitter, tensor);
    quantised.set(key, known);
    return known;
  };
  for (const node of model.graph.nodes) {
    emitter.scope = node.name;
    const [first, second, bias] = node.inputs;
    if (node.op === 'MatMul') {
      const weight = constant(second, 'columns');
      if (weight) {
        finish(emitter, node, 'Mul', multiply(emitter, first, weight));
        continue;
      }
    }
    if (node.op === 'Gemm' && isPlain(node)) {
      const weight = constant(second, intOf(node, 'transB', 0) === 1 ? 'turned columns' : 'columns');
      if (weight) {
        const product = emitter.op('Mul', multiply(emitter, first, weight));
        finish(emitter, node, 'Add', [product, bias || emitter.scalar('float32', 0)]);
        continue;
      }
    }
    if (node.op === 'Gather' && intOf(node, 'axis', 0) === 0) {
      const table = constant(first, 'rows');
      if (table) {
        lookUp(emitter, node, second, table);
        continue;
      }
    }
    graph.nodes.push(node);
  }
  return removeDead({ ...model, graph });
}

/** Names of initializers: the integers, and what a unit of them is worth. */
interface Quantised {
  values: string;
  scales: string;
}

/** A Gemm that only multiplies and adds: alpha · A · B + beta · C with both 1 and A as it is. */
function isPlain({ attributes }: Node): boolean {
  const one = (name: string) => {
    const attribute = attributes[name];
    return attribute === undefined || (attribute.kind === 'float' && attribute.value === 1);
  };
  const turned = attributes.transA;
  return one('alpha') && one('beta') && (turned === undefined || turned.value === 0);
}

/**
 * The two factors of a product. The scales are multiplied one after the other: onnxruntime takes `product · (a · b)` for MatMulIntegerToFloat, whose scale
 * of the activations is a single number, and computes something else (1.30).
 */
function multiply(emitter: Emitter, x: string, { values, scales }: Quantised): string[] {
  // The emitter yields one value for one computation: query, key and value share what follows.
  const axes = emitter.int64s([-1]);
  const most = emitter.op('ReduceMax', [x, axes]);
  const least = emitter.op('Neg', [emitter.op('ReduceMin', [x, axes])]);
  const size = emitter.op('Max', [most, least, emitter.scalar('float32', SMALLEST)]);
  const unit = emitter.op('Div', [x, size]);
  const middle = emitter.constant('uint8', [], [MIDDLE]);
  const integers = emitter.op('QuantizeLinear', [unit, emitter.scalar('float32', 1 / REACH), middle]);
  const product = emitter.op('MatMulInteger', [integers, values, middle]);
  const scaled = emitter.op('Mul', [emitter.op('Cast', [product], { to: int(castCodes.float32) }), scales]);
  return [scaled, size];
}

function lookUp(emitter: Emitter, node: Node, ids: string, { values, scales }: Quantised): void {
  const axis = { axis: int(0) };
  const found = emitter.op('Gather', [values, ids], axis);
  const floats = emitter.op('Cast', [found], { to: int(castCodes.float32) });
  finish(emitter, node, 'Mul', [floats, emitter.op('Gather', [scales, ids], axis)]);
}

/** The last node takes the name and the output of what is replaced. */
function finish({ graph }: Emitter, { name, outputs }: Node, op: string, inputs: string[]): void {
  graph.nodes.push({ op, name, inputs, outputs, attributes: {} });
}

function transposed(tensor: Tensor): Tensor {
  const [height, width] = tensor.dims;
  const floats = floatsOf(tensor);
  const out = new Float32Array(floats.length);
  for (let at = 0; at < floats.length; at += 1)
    out[(at % width) * height + Math.floor(at / width)] = floats[at];
  return floatTensor(out, [width, height]);
}

/** A matrix [in, out] with a scale for each column; the activations' unit is in it. */
function columns(emitter: Emitter, tensor: Tensor): Quantised {
  const [, width] = tensor.dims;
  const { values, scales } = quantise(tensor, width, (at) => at % width, LARGEST_WEIGHT);
  return {
    values: emitter.constant('int8', tensor.dims, values),
    scales: emitter.constant(
      'float32',
      [width],
      scales.map((scale) => scale / REACH),
    ),
  };
}

/** A table [rows, width] with a scale for each row. */
function rows(emitter: Emitter, tensor: Tensor): Quantised {
  const [count, width] = tensor.dims;
  const { values, scales } = quantise(tensor, count, (at) => Math.floor(at / width), LARGEST_ENTRY);
  return {
    values: emitter.constant('int8', tensor.dims, values),
    scales: emitter.constant('float32', [count, 1], scales),
  };
}

/** What a constant is quantised for: to be multiplied by, as it is or transposed, or to be looked up in. */
const uses = {
  columns,
  'turned columns': (emitter: Emitter, tensor: Tensor) => columns(emitter, transposed(tensor)),
  rows,
};

/** Groups of equal scale, each brought to ±largest. */
function quantise(
  tensor: Tensor,
  groups: number,
  groupOf: (at: number) => number,
  largest: number,
): { values: Int8Array; scales: Float32Array } {
  const floats = floatsOf(tensor);
  const scales = new Float32Array(groups);
  for (let at = 0; at < floats.length; at += 1) {
    const group = groupOf(at);
    scales[group] = Math.max(scales[group], Math.abs(floats[at]) / largest);
  }
  const values = new Int8Array(floats.length);
  for (let at = 0; at < floats.length; at += 1) {
    const scale = scales[groupOf(at)];
    if (scale > 0) values[at] = Math.round(floats[at] / scale);
  }
  return { values, scales };
}
