import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GraphError, type ModelConfig } from '@scion/graph';
import { readSafetensors, type Safetensors, SafetensorsError } from '../safetensors.js';
import type { BaseInfo } from './base-info.js';
import { type BaseLayout, type ConvertedBase, convertBase, convertExport } from './convert.js';
import { compareWithExport, readExport } from './read-export.js';

/** A registered base cannot be made or read. The message names the file or setting and the remedy. */
export class BaseError extends Error {
  override readonly name = 'BaseError';
}

const DEFAULT_MAX_TOKENS = 256;

/** A base before it is converted. */
export interface Source {
  /** For messages: its folder or file. */
  name: string;
  config: ModelConfig;
  /** What its hash is made of, beside settings and converter. */
  parts: Uint8Array[];
  tokenizerBytes: Uint8Array;
  convert(layout: BaseLayout): Promise<ConvertedBase>;
  /** Holds the registered halves in a folder against what they were made of. */
  compare?(dir: string, info: BaseInfo): Promise<{ error: number; allowed: number }>;
}

/** What is asked for of a base; what is not is read from its folder. */
interface WantedLayout {
  folder: string;
  maxTokens?: number;
  featureLayers?: number[];
  topLayers?: number;
}

async function readSource(folder: string, name: string): Promise<Uint8Array> {
  try {
    return await readFile(join(folder, name));
  } catch (error) {
    throw new BaseError(
      `${name} cannot be read from ${folder}; a base needs config.json, tokenizer.json and model.safetensors.`,
      { cause: error },
    );
  }
}

/** model.safetensors, or the one safetensors file that there is. */
async function findWeights(folder: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.safetensors')).sort();
  if (names.includes('model.safetensors')) return 'model.safetensors';
  if (names.length === 1) return names[0];
  throw new BaseError(
    names.length === 0
      ? `${folder} holds no model.safetensors; other weight formats and sharded weights are not read.`
      : `${folder} holds ${names.length} safetensors files and none is model.safetensors; sharded weights are not read.`,
  );
}

export function parseObject(bytes: Uint8Array, name: string): ModelConfig {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as ModelConfig;
  } catch {
    // Said below, the same as for JSON that is not an object.
  }
  throw new BaseError(`${name} is not a JSON object.`);
}

export async function chooseSettings(
  { folder, maxTokens, featureLayers, topLayers }: WantedLayout,
  config: ModelConfig,
): Promise<BaseLayout & { maxTokens: number }> {
  if (config.model_type !== 'bert')
    throw new BaseError(
      `config.json: model_type ${JSON.stringify(config.model_type)} is not supported; bert is.`,
    );
  const layers = config.num_hidden_layers;
  const positions = config.max_position_embeddings;
  if (!isCount(layers) || !isCount(positions))
    throw new BaseError('config.json lacks num_hidden_layers or max_position_embeddings.');
  const declared: unknown = await readFile(join(folder, 'sentence_bert_config.json'), 'utf8').then(
    (text) => JSON.parse(text).max_seq_length,
    () => undefined,
  );
  const wanted = maxTokens ?? (isCount(declared) ? declared : DEFAULT_MAX_TOKENS);
  const chosen = featureLayers ?? upperLayers(layers);
  const ascending = chosen.every(
    (layer, i) => Number.isInteger(layer) && layer >= 0 && (i === 0 || layer > chosen[i - 1]),
  );
  if (!ascending || chosen.at(-1) !== layers)
    throw new BaseError(`featureLayers must ascend and end with the last layer, ${layers}.`);
  if (!isCount(wanted) || wanted < 2) throw new BaseError('maxTokens must be an integer of 2 or more.');
  const top = topLayers ?? Math.min(2, Math.ceil(layers / 2));
  if (!isCount(top) || top > layers) throw new BaseError(`topLayers must be an integer of 1 to ${layers}.`);
  return { maxTokens: Math.min(wanted, positions), featureLayers: chosen, topLayers: top };
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0;
}

/** Layers 4 to 6 of 6; 7, 9, 10 and 12 of 12: more layers, or fewer, predicted worse (docs/adr/0001). */
function upperLayers(layers: number): number[] {
  const from = Math.floor(layers / 2) + 1;
  const count = Math.min(4, layers - from + 1);
  return Array.from({ length: count }, (_, i) =>
    count === 1 ? layers : Math.round(from + (i * (layers - from)) / (count - 1)),
  );
}

export async function readFolder(folder: string): Promise<Source> {
  const configBytes = await readSource(folder, 'config.json');
  const tokenizerBytes = await readSource(folder, 'tokenizer.json');
  const weightsName = await findWeights(folder);
  const weightsBytes = await readSource(folder, weightsName);
  const config = parseObject(configBytes, 'config.json');
  parseObject(tokenizerBytes, 'tokenizer.json');
  return {
    ...{ name: folder, config },
    parts: [configBytes, tokenizerBytes, weightsBytes],
    tokenizerBytes,
    async convert(layout) {
      let weights: Safetensors;
      try {
        weights = readSafetensors(weightsBytes);
      } catch (error) {
        if (error instanceof SafetensorsError)
          throw new BaseError(`${weightsName} in ${folder} is damaged: ${error.message}.`, { cause: error });
        throw error;
      }
      return convertBase(config, (name) => weights.tensors.get(name), layout);
    },
  };
}

export async function readExported(folder: string, onnx: string): Promise<Source> {
  const tokenizerBytes = await readSource(folder, 'tokenizer.json');
  parseObject(tokenizerBytes, 'tokenizer.json');
  const { encoder, config, files } = await named(onnx, () => readExport(onnx));
  return {
    name: onnx,
    // The rest of it is the graph's to know: whatever the family, it is read off the file.
    config: { ...config, model_type: 'bert' },
    parts: [...files, tokenizerBytes],
    tokenizerBytes,
    convert: (layout) => convertExport(encoder, layout),
    compare: (dir, info) => compareWithExport(onnx, encoder.hiddenStates.at(-1)!, dir, info),
  };
}

/** What goes wrong in the graph is told with the name of its source. */
export async function named<T>(source: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof GraphError)
      throw new BaseError(`${source} cannot be converted: ${error.message}.`, { cause: error });
    throw error;
  }
}
