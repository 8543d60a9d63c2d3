import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ExportedEncoder, importModel, type ModelConfig, readExportedEncoder } from '@scion/graph';
import { openSession } from '../thread/session.js';
import { runWhole } from '../thread/session-whole.js';
import type { BaseInfo } from './base-info.js';

/** An encoder that an exporter wrote, with the files that it consists of. */
export interface ReadExport {
  encoder: ExportedEncoder;
  /** What is known of it beside the graph, in the words of config.json. */
  config: ModelConfig;
  files: Uint8Array[];
}

/**
 * Reads an ONNX file and what it keeps outside of itself. Where config.json stands beside or above it, it tells how many
 * positions there are.
 * @throws GraphError
 */
export async function readExport(path: string): Promise<ReadExport> {
  const bytes = await readFile(path);
  const outside = new Map<string, Uint8Array>();
  const model = importModel(bytes, {
    external(location, offset, length) {
      let file = outside.get(location);
      if (!file) {
        file = readFileSync(join(dirname(path), location));
        outside.set(location, file);
      }
      return file.subarray(offset, offset + length);
    },
  });
  const encoder = readExportedEncoder(model);
  const config = await readConfig(path);
  return {
    encoder,
    config: {
      ...config,
      num_hidden_layers: encoder.layers,
      max_position_embeddings: positionsOf(config),
    },
    files: [bytes, ...[...outside].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, file]) => file)],
  };
}

async function readConfig(path: string): Promise<ModelConfig> {
  for (const folder of [dirname(path), join(dirname(path), '..')]) {
    const text = await readFile(join(folder, 'config.json'), 'utf8').catch(() => undefined);
    if (text !== undefined) return JSON.parse(text) as ModelConfig;
  }
  return {};
}

/** Of a family that counts positions from behind the padding token's id, two are never used. */
function positionsOf({ max_position_embeddings: positions, model_type: family }: ModelConfig): number {
  if (typeof positions !== 'number') return Number.MAX_SAFE_INTEGER;
  return /roberta|camembert|mpnet/.test(String(family)) ? positions - 2 : positions;
}

/** Of the largest number; half-precision files are served in float32, which rounds otherwise. */
const allowed = { float32: 1e-3, float16: 3e-2 };

/**
 * The largest difference between the mean of the last hidden states as the file answers and as the registered halves do,
 * in parts of the largest number, on rows of the longest length and of three tokens.
 * @param output the file's output of hidden states
 * @throws Error where the file cannot take so many tokens
 */
export async function compareWithExport(
  path: string,
  output: string,
  dir: string,
  info: Pick<BaseInfo, 'hiddenSize' | 'sites' | 'maxTokens' | 'featureLayers'>,
): Promise<{ error: number; allowed: number }> {
  const rows = [info.maxTokens, 3].map((length) => Array.from({ length }, (_, at) => (at % 5) + 1));
  const paths = { trunkPath: join(dir, 'trunk.onnx'), topPath: join(dir, 'top.onnx') };
  // First, for it fails without a word of the runtime's own where the rows are too long.
  const { states, half } = await runWhole(path, output, rows);
  const halves = await openSession({ ...info, ...paths, provider: 'cpu' });
  try {
    const { pooled: _, ...batch } = await halves.runTrunk(rows);
    const features = await halves.runTop(batch, [undefined, undefined]);
    const tokens = info.maxTokens;
    const { hiddenSize } = info;
    const layers = features.length / rows.length / hiddenSize;
    let [difference, largest] = [0, 0];
    for (const [row, { length }] of rows.entries())
      for (let unit = 0; unit < hiddenSize; unit += 1) {
        let sum = 0;
        for (let at = 0; at < length; at += 1) sum += states[(row * tokens + at) * hiddenSize + unit];
        const own = features[(row * layers + layers - 1) * hiddenSize + unit];
        largest = Math.max(largest, Math.abs(sum / length));
        // Of what is no number nothing may pass.
        difference = Math.max(difference, Math.abs(sum / length - own) || (own === sum / length ? 0 : 1e9));
      }
    return { error: difference / largest, allowed: half ? allowed.float16 : allowed.float32 };
  } finally {
    await halves.close();
  }
}
