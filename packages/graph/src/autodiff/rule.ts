/** What a gradient rule sees, and what it answers. */
import type { DataType, Dim, Node } from '../ir.js';
import type { Emitter } from './emitter.js';

/**
 * The gradient of the loss towards one input of a node, emitted when asked for: inputs that are not on a path from a
 * parameter never ask. `null` marks an input that carries none (an index, a shape, a condition).
 */
export type Pull = (() => string) | null;

/**
 * One operator's local rule, y = f(x₀, x₁ …): given g = ∂L/∂y, one `Pull` for each input, ∂L/∂xᵢ = g · ∂y/∂xᵢ. Inputs
 * beyond the array's end carry no gradient. The result has the shape of the input; `broadcasting` sees to that for
 * element-wise operators.
 */
export type Rule = (step: Step) => Pull[];

export interface Step {
  node: Node;
  /** Inputs; absent optional ones are ''. */
  x: string[];
  y: string[];
  /** Gradient of the first output. */
  g: string;
  /** Gradients of all outputs; undefined where an output does not reach the loss. */
  gs: (string | undefined)[];
  e: Algebra;
  /** Dimensions as probed: numbers, or symbols that stand for a dimension that varies between runs. */
  shape(value: string): Dim[];
  type(value: string): DataType;
  /** The numbers of a small constant input, or undefined where it is computed at run time. */
  constant(value: string): number[] | undefined;
  /** A scalar of this node's floating type. */
  c(value: number): string;
  /** Makes the node yield an optional output it does not yet yield, and returns its name. */
  output(index: number): string;
  attribute: {
    int(name: string, absent: number): number;
    float(name: string, absent: number): number;
    text(name: string, absent: string): string;
    ints(name: string): number[] | undefined;
  };
  /** Ends the registration with a message that names the operator and node. */
  fail(reason: string): never;
}

/** The emitter with the spelling of mathematics, and the shape moves that many rules share. */
export interface Algebra extends Emitter {
  add(a: string, b: string): string;
  sub(a: string, b: string): string;
  mul(a: string, b: string): string;
  div(a: string, b: string): string;
  neg(a: string): string;
  exp(a: string): string;
  matmul(a: string, b: string): string;
  transpose(a: string, perm: number[]): string;
  /** Swaps the last two axes of a value of this rank. */
  t(a: string, rank: number): string;
  /** Σ over axes; keeps them as 1 unless told. */
  sum(a: string, axes: number[], keep?: boolean): string;
  mean(a: string, axes: number[], keep?: boolean): string;
  /** Chooses element-wise by a bool condition. */
  where(condition: string, a: string, b: string): string;
  unsqueeze(a: string, axes: number[]): string;
  /** The run-time shape of a value as int64 vector: a constant where all of it is known. */
  shapeOf(value: string): string;
  /** `a` with the shape of `like`; same number of elements. */
  reshapeLike(a: string, like: string): string;
  /** `a` repeated along broadcast axes to the shape of `like`. */
  expandLike(a: string, like: string): string;
  /** Zeros of the shape and type of `like`. */
  zerosLike(like: string): string;
  /** Reshape to constant dimensions, of which one may be -1. */
  reshape(a: string, dims: number[]): string;
  /**
   * Undoes broadcasting: sums `a`, of shape `from`, over every axis along which a value of shape `to` was repeated.
   * (A repeated operand is a fan-out, and gradients of a fan-out add up.)
   */
  sumTo(a: string, from: Dim[], to: Dim[]): string;
}

/** An element-wise function of one input: ∂L/∂x = g · f′(x). */
export const elementwise =
  (derivative: (step: Step) => string): Rule =>
  (step) => [() => step.e.mul(step.g, derivative(step))];

/** Element-wise operators of several inputs: each pull has the output's shape, and is summed down to its input's. */
export const broadcasting =
  (rule: Rule): Rule =>
  (step) =>
    rule(step).map(
      (pull, i) => pull && (() => step.e.sumTo(pull(), step.shape(step.y[0]), step.shape(step.x[i]))),
    );
