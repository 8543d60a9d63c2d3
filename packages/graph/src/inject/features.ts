/** What both training and inference say about a graft, and the features that the head reads. */

import { int } from '../autodiff/emitter.js';
import { type Feeds, type OpenSession, probeShapes } from '../autodiff/probe.js';
import { GraphError } from '../error.js';
import type { Model } from '../ir.js';
import type { Adapter, GroupOf } from './adapters.js';
import type { Graft } from './graft.js';
import type { Head } from './head.js';
import { type Pooling, pool } from './pooling.js';
import { type SampleSizes, sampleInputs } from './sample.js';

/** What is grafted onto a base; the same for training and inference. */
export interface GraftOptions {
  adapters: Adapter[];
  head: Head;
  /** Values pooled side by side into the head's features; default: the base's first output. */
  features?: string[];
  pooling: Pooling;
  /** The input that tells tokens from padding; default `attention_mask` where the base has it. */
  mask?: string;
  /** Inputs that the base accepts, where `sampleInputs` guesses wrong. */
  sample?: (sizes: SampleSizes) => Feeds;
  /** Default: `head` for the head's parameters, `adapter` for all others. */
  groupOf?: GroupOf;
}

export const defaultGroups: GroupOf = (name) => (name.startsWith('head/') ? 'head' : 'adapter');

/** The pooled values of a base, how many numbers a row has in all of them, and the token mask. */
export interface Features {
  values: string[];
  width: number;
  mask: string | undefined;
}

/** Looks the features up. Their width is the declared one, or probed where the base declares none. */
export async function findFeatures(base: Model, options: GraftOptions, open: OpenSession): Promise<Features> {
  const { graph } = base;
  const known = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  const values = options.features ?? graph.outputs.slice(0, 1).map(({ name }) => name);
  for (const name of values) {
    if (!known.has(name))
      throw new GraphError('bad_injection', `the base has no value named "${name}" to pool`);
  }
  const axis = options.pooling === 'spatial' ? 1 : -1;
  const declared = values.map((name) =>
    graph.outputs.find((output) => output.name === name)?.shape?.at(axis),
  );
  let widths = declared;
  if (declared.some((size) => typeof size !== 'number')) {
    const feeds = [
      { rows: 2, tokens: 5 },
      { rows: 3, tokens: 7 },
    ].map((sizes) => options.sample?.(sizes) ?? sampleInputs(graph, sizes));
    const shapes = await probeShapes(base, values, [feeds[0], feeds[1]], open);
    widths = values.map((name) => shapes.get(name)?.at(axis));
  }
  const width = widths.reduce<number>((sum, size) => sum + (typeof size === 'number' ? size : Number.NaN), 0);
  if (Number.isNaN(width))
    throw new GraphError('bad_injection', `the width of "${values.join('", "')}" varies between runs`);
  const mask = options.mask ?? graph.inputs.find(({ name }) => name === 'attention_mask')?.name;
  return { values, width, mask };
}

/** [rows, width]: the pooled values side by side. */
export function poolFeatures(graft: Graft, { values, mask }: Features, pooling: Pooling): string {
  const pooled = values.map((value) => pool(graft, value, pooling, mask));
  return pooled.length === 1 ? pooled[0] : graft.e.op('Concat', pooled, { axis: int(1) });
}
