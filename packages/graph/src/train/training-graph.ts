/** From a frozen base to the graph of one training step. */
import { type Differentiation, differentiate } from '../autodiff/differentiate.js';
import { type Emitter, encode, int } from '../autodiff/emitter.js';
import type { Feeds, OpenSession } from '../autodiff/probe.js';
import { GraphError } from '../error.js';
import { graftAdapters } from '../inject/adapters.js';
import { defaultGroups, findFeatures, type GraftOptions, poolFeatures } from '../inject/features.js';
import { createGraft, nameValue, prune, requireFree } from '../inject/graft.js';
import { graftHead } from '../inject/head.js';
import { type ParameterLayout, parameterCount } from '../inject/parameters.js';
import { sampleInputs } from '../inject/sample.js';
import { findSites } from '../inject/sites.js';
import type { Dim, Model, Tensor } from '../ir.js';
import { type AdamW, defaultAdamW, emitAdamW, type Segment } from './adamw.js';
import { graftLoss, type Loss, languageModelLoss } from './losses.js';

export interface TrainingOptions extends GraftOptions {
  loss: Loss;
  /** Adds `coefficient` times a supervised contrastive loss of the pooled features. */
  contrastive?: { coefficient: number; temperature: number };
  /** Adds `coefficient` times the language-model loss of the named value [rows, tokens, vocabulary]. */
  languageModel?: { coefficient: number; logits: string };
  optimizer?: AdamW;
}

/**
 * Inputs of all three models: the base's, rows user by user; `parameters` float32 [users, N]; `targets` float32 [rows, labels];
 * `row_weights` float32 [rows]; and what the loss, dropout and adapters ask for (`label_counts`, `label_smoothing`, `class_weights`, `token_targets`,
 * `seed`, `adapter_scale`).
 * Users, rows for each, tokens and labels are free in every run; rows must be a multiple of users.
 */
export interface TrainingGraph {
  layout: ParameterLayout;
  /** → `loss` [users], `scores` [rows, labels] */
  forward: Model;
  /** → `loss`, `gradient` [users, N] */
  gradient: Model;
  /**
   * Also takes `first_moment`, `second_moment` [users, N], `learning_rate` [users, groups], `step`, `weight_decay`, `clip_norm` [users]
   * → `loss`, `gradient_norm` [users], `next_parameters`, `next_first_moment`, `next_second_moment` [users, N]
   */
  step: Model;
  nodes: { base: number; forward: number; visited: number; gradient: number; step: number };
  /** Inputs of given sizes for any of the models, to try them with. */
  sample(sizes: TrainingSizes): Feeds;
}

export interface TrainingSizes {
  users: number;
  rowsPerUser: number;
  tokens: number;
  labels: number;
}

/** Two sizes in which everything that may vary does, and nothing coincides with anything else. */
const probes: [TrainingSizes, TrainingSizes] = [
  { users: 2, rowsPerUser: 3, tokens: 7, labels: 4 },
  { users: 3, rowsPerUser: 5, tokens: 11, labels: 6 },
];

/**
 * Grafts adapters, head and loss onto the base and derives the training step. The base is left as it is; its weights are shared, not
 * copied. Runs the forward graph twice on small inputs to learn shapes; `selfCheck` is the caller's next step.
 *
 * @throws GraphError no_gradient, bad_injection
 */
export async function buildTrainingGraph(
  base: Model,
  options: TrainingOptions,
  open: OpenSession,
): Promise<TrainingGraph> {
  const groupOf = options.groupOf ?? defaultGroups;
  const features = await findFeatures(base, options, open);
  const graft = createGraft(base, 'users');
  const { e } = graft;
  const targets = graft.input('targets', 'float32', ['rows', 'labels']);
  const rowWeights = graft.input('row_weights', 'float32', ['rows']);
  const seen = [...features.values, ...(options.languageModel ? [options.languageModel.logits] : [])];
  const touched = graftAdapters(graft, findSites(base.graph, seen), options.adapters, groupOf);
  const byUser = graft.byLead(poolFeatures(graft, features, options.pooling), features.width);
  const scores = graftHead(graft, byUser, features.width, options.head, groupOf);
  e.scope = 'loss';
  const inputs = { scores, targets: graft.rowsByLead(targets), weights: graft.rowsByLead(rowWeights) };
  let loss = graftLoss(graft, options.loss, inputs);
  const plus = (extra: string, coefficient: number) => {
    e.scope = 'loss';
    loss = e.op('Add', [loss, e.op('Mul', [extra, graft.c(coefficient)])]);
  };
  if (options.contrastive) {
    const { coefficient, temperature } = options.contrastive;
    plus(graftLoss(graft, { kind: 'contrastive', temperature }, { ...inputs, scores: byUser }), coefficient);
  }
  if (options.languageModel) {
    plus(
      languageModelLoss(graft, options.languageModel.logits, inputs.weights),
      options.languageModel.coefficient,
    );
  }
  e.scope = 'scores';
  const flatScores = e.op('Reshape', [
    scores,
    e.op('Concat', [e.int64s([-1]), e.op('Shape', [scores], { start: int(2) })], { axis: int(0) }),
  ]);
  const perUser: Dim[] = ['users'];
  const { model: forward, layout } = graft.finish([
    { name: 'loss', value: loss, type: 'float32', shape: perUser },
    { name: 'scores', value: flatScores, type: 'float32', shape: ['rows', 'labels'] },
  ]);
  if (layout.parameters.length === 0)
    throw new GraphError('bad_injection', 'nothing to train: no adapters and no head');

  // Without a head the features themselves are the scores, and targets are as many.
  const fixedLabels =
    options.head.kind === 'none' && options.loss.kind !== 'contrastive' ? features.width : undefined;
  const sample = (sizes: TrainingSizes) =>
    sampleFeeds(base, forward, layout, options, { ...sizes, labels: fixedLabels ?? sizes.labels });
  const derived = await differentiate(forward, {
    loss: 'loss',
    wrt: ['parameters'],
    feeds: [sample(probes[0]), sample(probes[1])],
    open,
    alsoProbe: touched.map(({ input }) => input),
  });
  checkRowsLead(touched, derived);
  const gradient = gradientModel(forward, derived);
  const step = stepModel(forward, derived, layout, options.optimizer ?? defaultAdamW);
  return {
    layout,
    forward,
    gradient,
    step,
    nodes: {
      base: base.graph.nodes.length,
      forward: forward.graph.nodes.length,
      visited: derived.visited,
      gradient: gradient.graph.nodes.length,
      step: step.graph.nodes.length,
    },
    sample,
  };
}

/**
 * Every site must have its rows outermost, so that rows user by user can be seen as [users, tokens, features]. Sizes of the two probes
 * tell: the first dimension must be a multiple of the rows in both. (What this cannot see, rows within a flattened first dimension that
 * do not come first there, the self-check does: users would mix.)
 */
function checkRowsLead(touched: { name: string; input: string }[], { shapes }: Differentiation): void {
  const rows = probes.map(({ users, rowsPerUser }) => users * rowsPerUser);
  for (const { name, input } of touched) {
    const first = String(shapes.get(input)?.[0]).split('|').map(Number);
    if (first.length < 2 || first.some((size, i) => size % rows[i] !== 0)) {
      throw new GraphError(
        'bad_injection',
        `"${name}" is not laid out with rows first; adapt layers before or after the transposition`,
      );
    }
  }
}

function gradientModel(forward: Model, { graph, gradients }: Differentiation): Model {
  const own = { ...graph, nodes: [...graph.nodes] };
  nameValue(own, 'gradient', gradients.get('parameters') ?? '');
  const outputs = [
    { name: 'loss', type: 'float32' as const, shape: ['users'] },
    { name: 'gradient', type: 'float32' as const, shape: ['users', 'size'] },
  ];
  return { ...forward, graph: prune({ ...own, outputs }) };
}

function stepModel(
  forward: Model,
  { graph, gradients, emitter }: Differentiation,
  layout: ParameterLayout,
  optimizer: AdamW,
): Model {
  const vector: Dim[] = ['users', 'size'];
  const given = (name: string, shape: Dim[]) => {
    requireFree(graph, name);
    graph.inputs = [...graph.inputs, { name, type: 'float32', shape }];
    return name;
  };
  const updated = emitAdamW(
    emitter,
    {
      parameters: 'parameters',
      gradient: gradients.get('parameters') ?? '',
      firstMoment: given('first_moment', vector),
      secondMoment: given('second_moment', vector),
      learningRate: given('learning_rate', ['users', layout.groups.length]),
      step: given('step', ['users']),
      weightDecay: given('weight_decay', ['users']),
      clipNorm: given('clip_norm', ['users']),
    },
    segmentsOf(layout, emitter),
    optimizer,
  );
  const outputs: [string, string, Dim[]][] = [
    ['gradient_norm', updated.gradientNorm, ['users']],
    ['next_parameters', updated.parameters, vector],
    ['next_first_moment', updated.firstMoment, vector],
    ['next_second_moment', updated.secondMoment, vector],
  ];
  for (const [name, value] of outputs) nameValue(graph, name, value);
  const declared = outputs.map(([name, , shape]) => ({ name, type: 'float32' as const, shape }));
  return {
    ...forward,
    graph: prune({ ...graph, outputs: [{ name: 'loss', type: 'float32', shape: ['users'] }, ...declared] }),
  };
}

/** Neighbours of one group and decay, with their length: constant, or counted from the labels of the run. */
function segmentsOf({ parameters, groups }: ParameterLayout, emitter: Emitter): Segment[] {
  const runs: { group: number; decay: boolean; fixed: number; perLabel: number }[] = [];
  for (const { shape, group: name, decay } of parameters) {
    const group = groups.indexOf(name);
    const size = shape.reduce<number>(
      (product, extent) => (extent === 'labels' ? product : product * extent),
      1,
    );
    const last = runs.at(-1);
    const run =
      last && last.group === group && last.decay === decay ? last : { group, decay, fixed: 0, perLabel: 0 };
    if (run !== last) runs.push(run);
    if (shape.includes('labels')) run.perLabel += size;
    else run.fixed += size;
  }
  return runs.map(({ group, decay, fixed, perLabel }) => {
    if (perLabel === 0) return { group, decay, size: emitter.int64s([fixed]) };
    const labels = emitter.op('Shape', ['targets'], { start: int(1), end: int(2) });
    const counted = emitter.op('Mul', [labels, emitter.int64s([perLabel])]);
    return { group, decay, size: emitter.op('Add', [counted, emitter.int64s([fixed])]) };
  });
}

/** Inputs for `forward`, `gradient` and `step`: small parameters, labels in turn, everything else neutral. */
function sampleFeeds(
  base: Model,
  forward: Model,
  layout: ParameterLayout,
  options: TrainingOptions,
  sizes: TrainingSizes,
): Feeds {
  const { users, rowsPerUser, tokens } = sizes;
  const rows = users * rowsPerUser;
  const own = options.sample?.({ rows, tokens }) ?? sampleInputs(base.graph, { rows, tokens });
  const { labels } = sizes;
  const floats = (dims: number[], value: (i: number) => number): Tensor => ({
    type: 'float32',
    dims,
    data: encode(
      'float32',
      Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => value(i)),
    ),
  });
  const wholes = (dims: number[], value: (i: number) => number): Tensor => ({
    type: 'int64',
    dims,
    data: encode(
      'int64',
      Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => value(i)),
    ),
  });
  const size = parameterCount(layout, labels);
  const feeds: Feeds = {
    ...own,
    parameters: floats([users, size], (i) => 0.05 * Math.sin(12.9898 * (i + 1))),
    targets: floats([rows, labels], (i) => ((Math.floor(i / labels) * 5) % labels === i % labels ? 1 : 0)),
    row_weights: floats([rows], () => 1),
    label_counts: wholes([users], () => labels),
    label_smoothing: floats([users], () => 0.1),
    class_weights: floats([users, labels], (i) => 1 + 0.1 * (i % labels)),
    token_targets: wholes([rows, tokens], (i) => i % 3),
    seed: wholes([users], (i) => i + 1),
    // Twice the rank is the usual alpha.
    adapter_scale: floats([users], () => 2),
    first_moment: floats([users, size], () => 0),
    second_moment: floats([users, size], () => 0),
    learning_rate: floats([users, layout.groups.length], () => 1e-3),
    step: floats([users], () => 1),
    weight_decay: floats([users], () => 0.01),
    clip_norm: floats([users], () => 1),
  };
  const optional = new Set(forward.graph.inputs.map(({ name }) => name));
  const optimizer = new Set([
    'first_moment',
    'second_moment',
    'learning_rate',
    'step',
    'weight_decay',
    'clip_norm',
  ]);
  return Object.fromEntries(
    Object.entries(feeds).filter(([name]) => optional.has(name) || optimizer.has(name)),
  );
}
