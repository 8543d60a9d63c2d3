/** The same grafts for serving: many users' rows in one batch of one session. */
import { int } from '../autodiff/emitter.js';
import type { OpenSession } from '../autodiff/probe.js';
import { GraphError } from '../error.js';
import type { Dim, Model } from '../ir.js';
import { labelMask, MASKED_SCORE } from '../train/losses.js';
import { graftAdapters } from './adapters.js';
import { defaultGroups, findFeatures, type GraftOptions, poolFeatures } from './features.js';
import { createGraft } from './graft.js';
import { graftHead } from './head.js';
import type { ParameterLayout } from './parameters.js';
import { findSites } from './sites.js';

/**
 * Inputs: the base's; `row_user` int64 [rows], which of the users each row belongs to; `adapters` float32 [users, fixedSize], the front of a
 * user's flat vector; for each parameter sized by labels (`head/weight` [users, labels, features], `head/bias` [users, labels]) an
 * input of its name; `label_counts` int64 [users]; `adapter_scale` float32 [users] where LoRA's alpha is an input.
 *
 * Users of one batch may differ in labels: `labels` is the most any of them has, and what lies beyond a user's own is padding of any
 * finite value. Outputs: `scores` [rows, labels], -1e9 beyond a user's labels, and `probabilities`.
 * A row whose adapters are zero computes what the bare base computes, to the bit. Without a head, `scores` are the pooled features, and
 * where all rows belong to one user `row_user` may be of length 1: their tokens are then multiplied as one matrix.
 */
export interface InferenceGraph {
  model: Model;
  /** The training graph's layout for the same options. */
  layout: ParameterLayout;
}

export interface InferenceOptions extends GraftOptions {
  /** How scores become `probabilities`: over labels, for each label alone, or not at all (regression, embeddings). */
  activation: 'softmax' | 'sigmoid' | 'none';
  /**
   * `open`: instead of `adapters`, each adapter parameter is an input of its own name, float16 [users, …shape], and the rank of
   * LoRA matrices is that of the run: whoever feeds them pads smaller ranks with zeros and multiplies B by alpha/rank. Give
   * such adapters an alpha equal to their rank. Default `fixed`.
   */
  ranks?: 'fixed' | 'open';
}

/** @throws GraphError bad_injection */
export async function buildInferenceGraph(
  base: Model,
  options: InferenceOptions,
  open: OpenSession,
): Promise<InferenceGraph> {
  const groupOf = options.groupOf ?? defaultGroups;
  const features = await findFeatures(base, options, open);
  const graft = createGraft(base, 'rows');
  const { e } = graft;
  graftAdapters(graft, findSites(base.graph, features.values), options.adapters, groupOf);
  const pooled = poolFeatures(graft, features, options.pooling);
  const scores = graftHead(
    graft,
    graft.byLead(pooled, features.width),
    features.width,
    options.head,
    groupOf,
  );
  e.scope = 'scores';
  const shape: Dim[] = ['rows', 'labels'];
  let flat = options.head.kind === 'none' ? pooled : e.op('Squeeze', [scores, e.int64s([1])]);
  if (options.activation !== 'none') {
    if (options.head.kind === 'none') {
      throw new GraphError(
        'bad_injection',
        `activation "${options.activation}" needs a head: features have no labels`,
      );
    }
    const counts = e.op('Gather', [graft.input('label_counts', 'int64', ['users']), 'row_user'], {
      axis: int(0),
    });
    const own = e.op('Squeeze', [labelMask(graft, counts, scores), e.int64s([1])]);
    flat = e.op('Where', [own, flat, graft.c(MASKED_SCORE)]);
  }
  const probabilities =
    options.activation === 'softmax'
      ? e.op('Softmax', [flat], { axis: int(-1) })
      : options.activation === 'sigmoid'
        ? e.op('Sigmoid', [flat])
        : undefined;
  const { model, layout } = graft.finish(
    [
      { name: 'scores', value: flat, type: 'float32', shape },
      ...(probabilities
        ? [{ name: 'probabilities', value: probabilities, type: 'float32' as const, shape }]
        : []),
    ],
    options.ranks === 'open',
  );
  return { model, layout };
}
