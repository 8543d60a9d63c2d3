import type { Dim, Node, Tensor } from '../ir.js';
import { int64Tensor } from '../tensor.js';
import { intOf } from './graph-edit.js';

/** A value and its dimensions; symbols that are equal are equal numbers. */
export interface ShapeSource {
  name: string;
  dims: readonly Dim[];
  /** Whether its shape may be asked for at run time; else it merely says what the wanted shape is. Default true. */
  askable?: boolean;
}

/**
 * Nodes that answer what `Shape(x)` answers without reading x: fixed dimensions as constants, symbolic ones from a source
 * that has the same symbol. Undefined where x's dimensions are unknown or no source has one of them. The last node has the
 * original's name and output.
 */
export function shapeFrom(
  shape: Node,
  sources: readonly ShapeSource[],
  addConstant: (name: string, tensor: Tensor) => string,
): Node[] | undefined {
  const dims = sources.find(({ name }) => name === shape.inputs[0])?.dims;
  if (!dims) return undefined;
  const wanted = dims.slice(intOf(shape, 'start', 0), intOf(shape, 'end', dims.length));
  const askable = sources.filter((source) => source.askable !== false && source.name !== shape.inputs[0]);

  // The common case: another value has the very same shape.
  const twin = askable.find(
    (source) => source.dims.length === dims.length && source.dims.every((dim, i) => dim === dims[i]),
  );
  if (twin) return [{ ...shape, inputs: [twin.name] }];

  const parts: Node[] = [];
  const pieces: string[] = [];
  for (const [place, dim] of wanted.entries()) {
    const name = `${shape.name}.dim_${place}`;
    if (typeof dim === 'number') {
      pieces.push(addConstant(name, int64Tensor([dim])));
      continue;
    }
    const source = askable.find((candidate) => candidate.dims.includes(dim));
    if (!source) return undefined;
    const axis = source.dims.indexOf(dim);
    parts.push({
      op: 'Shape',
      name,
      inputs: [source.name],
      outputs: [name],
      attributes: { start: { kind: 'int', value: axis }, end: { kind: 'int', value: axis + 1 } },
    });
    pieces.push(name);
  }
  parts.push({
    op: 'Concat',
    name: shape.name,
    inputs: pieces,
    outputs: shape.outputs,
    attributes: { axis: { kind: 'int', value: 0 } },
  });
  return parts;
}
