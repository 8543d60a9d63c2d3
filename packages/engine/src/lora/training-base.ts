import type { TaskKind } from '@scion/contracts';
import { createEmitter, type Graph, type Model, removeDead, type TrainingOptions } from '@scion/graph';

/** What training grafts adapters and a head onto: see `trainingBase`. */
export const FEATURES = 'training/features';
/** The unit-length features of the layers at or below the cut, a constant of each row: [rows, lowerSize]. */
export const LOWER_FEATURES = 'lower_features';

/**
 * The top of a base with its features computed in the graph as serving computes them outside: the mean over a row's tokens
 * of each feature layer, brought to unit length, beside those of the layers below the cut. Multiplied by √hidden, so that
 * a feature varies by about 1 and one learning rate suits heads and any base.
 *
 * @param top from the hidden states at the cut and `attention_mask` to the feature layers' hidden states, which are its
 * outputs [rows, tokens, hidden]
 */
export function trainingBase(top: Model, hiddenSize: number, lowerSize: number): Model {
  const graph: Graph = {
    ...top.graph,
    nodes: [...top.graph.nodes],
    inputs: [...top.graph.inputs],
    initializers: new Map(top.graph.initializers),
  };
  const e = createEmitter(graph, 'training');
  const cast = (to: number) => ({ to: { kind: 'int' as const, value: to } });
  const keep = { keepdims: { kind: 'int' as const, value: 1 } };
  const mask = e.op('Cast', ['attention_mask'], cast(1));
  const count = e.op('ReduceSum', [mask, e.int64s([1])], keep);
  const share = e.op('Unsqueeze', [e.op('Div', [mask, count]), e.int64s([1])]);
  const upper = top.graph.outputs.map(({ name }) => {
    const mean = e.op('Squeeze', [e.op('MatMul', [share, name]), e.int64s([1])]);
    const squares = e.op('ReduceSum', [e.op('Mul', [mean, mean]), e.int64s([1])], keep);
    return e.op('Div', [mean, e.op('Sqrt', [squares])]);
  });
  if (lowerSize > 0)
    graph.inputs.push({ name: LOWER_FEATURES, type: 'float32', shape: ['batch', lowerSize] });
  const parts = lowerSize > 0 ? [LOWER_FEATURES, ...upper] : upper;
  const joined = parts.length === 1 ? parts[0] : e.op('Concat', parts, { axis: { kind: 'int', value: 1 } });
  const scaled = e.op('Mul', [joined, e.scalar('float32', featureScale(hiddenSize))]);
  graph.nodes.push({ op: 'Identity', name: FEATURES, inputs: [scaled], outputs: [FEATURES], attributes: {} });
  graph.outputs = [
    { name: FEATURES, type: 'float32', shape: ['batch', lowerSize + upper.length * hiddenSize] },
  ];
  return removeDead({ ...top, graph });
}

/** What features are multiplied with in the training graph; head weights there are those of serving divided by it. */
export function featureScale(hiddenSize: number): number {
  return Math.sqrt(hiddenSize);
}

/** What is trained: LoRA on the sites, of any alpha, a linear head, the loss of the task's kind. */
export function trainingOptions(
  kind: TaskKind,
  sites: readonly { name: string }[],
  rank: number,
): TrainingOptions {
  return {
    adapters: [{ kind: 'lora', targets: sites.map(({ name }) => name).join(), rank, alpha: 'input' }],
    head: { kind: 'linear' },
    features: [FEATURES],
    pooling: 'none',
    loss: { kind: lossKinds[kind] },
  };
}

const lossKinds = { classification: 'softmax', multilabel: 'sigmoid', regression: 'squared' } as const;
