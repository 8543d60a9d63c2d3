/** Ways of bending a frozen layer with few numbers. All parameters at zero leave the base's values to the bit. */
import { GraphError } from '../error.js';
import type { Attribute } from '../ir.js';
import { createDropout } from './dropout.js';
import type { Graft } from './graft.js';
import { matchSites, type Site } from './sites.js';

export type Adapter =
  /**
   * W + (alpha/rank)·AB (Hu et al. 2021, arXiv 2106.09685) beside linear layers. Alpha `input`: users differ in it, and each
   * gives alpha/rank in the input `adapter_scale`. `dropout`: the share of input features that training silences on the way
   * into A; needs the `seed` input.
   */
  | { kind: 'lora'; targets: string; rank: number; alpha: number | 'input'; dropout?: number }
  /** Each output feature times 1 + p (Liu et al. 2022, arXiv 2205.05638, with p = l − 1); for `feedForward` layers each input feature. */
  | { kind: 'ia3'; targets: string; feedForward?: string }
  /** Each output feature plus p (Ben Zaken et al. 2021, arXiv 2106.10199). */
  | { kind: 'bias'; targets: string }
  /** Gain and bias of layer normalisations, as changes to the frozen ones. */
  | { kind: 'norm'; targets: string };

/** Names the learning-rate group of a parameter. Default: `adapter`. By depth, discriminative rates are possible. */
export type GroupOf = (parameterName: string) => string;

/**
 * Bends every matching site, in the graph's order: what a site reads may itself have been bent before. Answers the sites' names and
 * inputs, so that the caller can check how they are laid out.
 */
export function graftAdapters(
  graft: Graft,
  sites: Site[],
  adapters: Adapter[],
  groupOf: GroupOf,
): { name: string; input: string }[] {
  const work: { site: Site; at: number; bend: (site: Site) => void }[] = [];
  const plan = (kinds: Site['kind'][], targets: string, bend: (site: Site) => void) => {
    for (const site of matchSites(sites, kinds, targets)) {
      work.push({ site, at: sites.findIndex(({ node }) => node === site.node), bend });
    }
  };
  for (const adapter of adapters) {
    plan(eligible[adapter.kind], adapter.targets, (site) => bendOutput(graft, site, adapter, groupOf));
    if (adapter.kind === 'ia3' && adapter.feedForward) {
      plan(['linear'], adapter.feedForward, (site) => scaleInput(graft, site, groupOf));
    }
  }
  work.sort((a, b) => a.at - b.at);
  for (const { site, bend } of work) bend(site);
  return work.map(({ site: { name, input } }) => ({ name, input }));
}

const eligible: Record<Adapter['kind'], Site['kind'][]> = {
  lora: ['linear'],
  ia3: ['linear', 'convolution'],
  bias: ['linear', 'convolution'],
  norm: ['norm'],
};

const vector = (name: string, shape: number[], groupOf: GroupOf) => ({
  name,
  shape,
  group: groupOf(name),
  decay: false,
  initial: { kind: 'zeros' as const },
});

/** (IA)³ before a feed-forward layer: its input features times 1 + p. */
function scaleInput(graft: Graft, site: Site, groupOf: GroupOf): void {
  const { e } = graft;
  e.scope = `${site.name}/ia3`;
  const p = graft.take(vector(`${site.name}/ia3_in`, [site.inFeatures], groupOf));
  const x = graft.current(site.input);
  const change = e.op('Mul', [graft.byLead(x, site.inFeatures), e.op('Unsqueeze', [p, e.int64s([1])])]);
  graft.replaceInput(site.node, x, e.op('Add', [x, graft.likeShape(change, x)]));
}

function bendOutput(graft: Graft, site: Site, adapter: Adapter, groupOf: GroupOf): void {
  graft.e.scope = `${site.name}/${adapter.kind}`;
  const before = graft.current(site.output);
  const after = bend(graft, site, adapter, before, groupOf);
  graft.replace(before, after);
  graft.replace(site.output, after);
}

function bend(graft: Graft, site: Site, adapter: Adapter, y: string, groupOf: GroupOf): string {
  const { e } = graft;
  const { name, inFeatures, outFeatures } = site;
  switch (adapter.kind) {
    case 'lora': {
      const { rank, alpha, dropout = 0 } = adapter;
      if (!Number.isInteger(rank) || rank < 1) {
        throw new GraphError(
          'bad_injection',
          `the rank of LoRA on "${name}" is ${rank}; it must be a whole number from 1 on`,
        );
      }
      const a = graft.take({
        name: `${name}/lora_a`,
        shape: [inFeatures, rank],
        group: groupOf(`${name}/lora_a`),
        decay: true,
        // torch's kaiming_uniform_(a = √5), as PEFT has it, is uniform in ±1/√inputs.
        initial: { kind: 'uniform', bound: 1 / Math.sqrt(inFeatures) },
        rankAxis: 1,
      });
      const b = graft.take({
        name: `${name}/lora_b`,
        shape: [rank, outFeatures],
        group: groupOf(`${name}/lora_b`),
        decay: true,
        initial: { kind: 'zeros' },
        rankAxis: 0,
      });
      let x = graft.byLead(graft.current(site.input), inFeatures);
      if (dropout > 0 && graft.lead === 'users') x = createDropout(graft)(x, inFeatures, dropout, name);
      const inner = e.op('MatMul', [x, a]);
      const scale = alpha === 'input' ? graft.adapterScale() : graft.c(alpha / rank);
      const low = alpha === rank ? inner : e.op('Mul', [inner, scale]);
      return e.op('Add', [y, graft.likeShape(e.op('MatMul', [low, b]), y)]);
    }
    case 'ia3': {
      const p = graft.take(vector(`${name}/ia3`, [outFeatures], groupOf));
      const [value, scale] = aligned(graft, site, y, p);
      return e.op('Add', [y, graft.likeShape(e.op('Mul', [value, scale]), y)]);
    }
    case 'bias': {
      const p = graft.take(vector(`${name}/bias`, [outFeatures], groupOf));
      const [value, shift] = aligned(graft, site, y, p);
      return graft.likeShape(e.op('Add', [value, shift]), y);
    }
    case 'norm': {
      const gain = graft.take(vector(`${name}/gain`, [outFeatures], groupOf));
      const shift = graft.take(vector(`${name}/shift`, [outFeatures], groupOf));
      // (γ + p)n + (β + q) = y + pn + q, where n is the same normalisation without gain and bias.
      const attributes: Record<string, Attribute> = site.node.attributes;
      const one = e.constant('float32', [outFeatures], new Float32Array(outFeatures).fill(1));
      const n = e.op('LayerNormalization', [graft.current(site.input), one], attributes);
      const [normal, p] = aligned(graft, site, n, gain);
      const change = e.op('Add', [e.op('Mul', [normal, p]), e.op('Unsqueeze', [shift, e.int64s([1])])]);
      return e.op('Add', [y, graft.likeShape(change, y)]);
    }
  }
}

/** A value and a vector for each of its features, both led by users: [L, tokens, F] with [L, 1, F], images [L, rows, C, …] with [L, 1, C, 1 …]. */
function aligned({ e, byLead, rowsByLead }: Graft, site: Site, value: string, p: string): [string, string] {
  if (site.kind !== 'convolution')
    return [byLead(value, site.outFeatures), e.op('Unsqueeze', [p, e.int64s([1])])];
  const axes = [1, ...Array.from({ length: site.rank - 2 }, (_, i) => i + 3)];
  return [rowsByLead(value), e.op('Unsqueeze', [p, e.int64s(axes)])];
}
