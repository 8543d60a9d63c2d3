import { GraphError } from '../error.js';
import type { Node } from '../ir.js';
import { type OperatorVersion, operators } from './generated/operators.js';
import { describe } from './sort-nodes.js';

type Signature = Extract<OperatorVersion, { attributes: object }>;

/**
 * Holds a node against the standard's signature of its operator at this opset: existence, arity, attribute names and types.
 * Errors: `unknown_operator`, `bad_arity`, `bad_attribute`.
 */
export function checkOperator(node: Node, opset: number): void {
  if (node.domain) {
    throw new GraphError(
      'unknown_operator',
      `${describe(node)} belongs to the operator set ${node.domain}; only standard ONNX operators are read, ` +
        'so export without runtime-specific optimisations and with functions inlined',
    );
  }
  const signature = signatureAt(node.op, opset);
  if (!signature) {
    throw new GraphError(
      'unknown_operator',
      `${describe(node)}: opset ${opset} has no operator of that name`,
    );
  }
  checkArity(node, 'inputs', node.inputs, signature.inputs);
  checkArity(node, 'outputs', node.outputs, signature.outputs);
  for (const [name, attribute] of Object.entries(node.attributes)) {
    const type = Object.hasOwn(signature.attributes, name) ? signature.attributes[name] : undefined;
    if (type === undefined) {
      throw new GraphError('bad_attribute', `${describe(node)} has no attribute ${name} at opset ${opset}`);
    }
    if (type.replace('required ', '') !== attribute.kind) {
      throw new GraphError(
        'bad_attribute',
        `${describe(node)}: ${name} must be ${type}, it is ${attribute.kind}`,
      );
    }
  }
  for (const [name, type] of Object.entries(signature.attributes)) {
    if (type.startsWith('required ') && !Object.hasOwn(node.attributes, name)) {
      throw new GraphError('bad_attribute', `${describe(node)} lacks its attribute ${name}`);
    }
  }
}

function signatureAt(op: string, opset: number): Signature | undefined {
  const versions = Object.hasOwn(operators, op) ? operators[op] : [];
  const version = versions.findLast(({ since }) => since <= opset);
  return version && !('deprecated' in version) ? version : undefined;
}

function checkArity(node: Node, side: string, names: string[], [least, most]: [number, number]): void {
  // Absent optional values at the end may be written as empty names or left out.
  const count = names.findLastIndex((name) => name !== '') + 1;
  if (names.length < least || count > most) {
    const wanted = least === most ? `${least}` : `${least} to ${most}`;
    throw new GraphError('bad_arity', `${describe(node)} has ${count} ${side}, the operator takes ${wanted}`);
  }
}
