import { createHash, type Hash } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { GraphError, type Model, type ModelConfig, writeModel } from '@scion/graph';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { LORA_SETTINGS } from '../lora/recipe.js';
import { readSafetensors, type Safetensors, SafetensorsError } from '../safetensors.js';
import { openTraining } from '../thread/session-training.js';
import { BaseInfo } from './base-info.js';
import { type BaseLayout, type ConvertedBase, convertBase, convertExport } from './convert.js';
import { compareWithExport, readExport } from './read-export.js';

/** A registered base cannot be made or read. The message names the file or setting and the remedy. */
export class BaseError extends Error {
  override readonly name = 'BaseError';
}

const BaseFile = Type.Object(
  {
    format: Type.Literal('scion-base/2'),
    /** What made it: an engine that computes other features must not serve it under the same hash. */
    converter: Type.String(),
    ...BaseInfo.properties,
    files: Type.Record(
      Type.String(),
      Type.Object({ bytes: Type.Integer(), sha256: Type.String() }, { additionalProperties: false }),
    ),
  },
  { additionalProperties: false },
);

type BaseFile = Static<typeof BaseFile>;

export interface RegisterBaseInput {
  /** A Hugging Face folder: config.json, tokenizer.json and the weights as safetensors. */
  folder: string;
  /** An exported encoder, instead of config.json and the weights; the folder holds tokenizer.json then. */
  onnx?: string | undefined;
  /** Created; must not hold anything else. */
  outDir: string;
  name: string;
  /** Default: what sentence_bert_config.json says, else 256; never more than the base has positions. */
  maxTokens?: number;
  /** Default: up to four, evenly over the upper half. The last layer must be the last of them. */
  featureLayers?: number[];
  /** Layers that take adapters, from the last downwards. Default: 2, or half of them where there are fewer than 4. */
  topLayers?: number;
}

/** Raised whenever the features of a text change: adapters trained on other ones must not be used. */
const CONVERTER_VERSION = 'scion-features/2';
const DEFAULT_MAX_TOKENS = 256;
const modelFiles = ['trunk.onnx', 'top.onnx', 'training.onnx', 'weights.bin', 'tokenizer.json'] as const;

/** A base before it is converted. */
interface Source {
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

/**
 * Turns a Hugging Face folder of the BERT family, or an exported encoder, into what the engine serves: trunk.onnx,
 * top.onnx and training.onnx with their weights.bin, tokenizer.json and base.json. The gradient that adapters are trained
 * with is derived at once, and checked. Atomic: `outDir` appears whole or not at all. Idempotent: when it holds this very
 * base already, nothing is written.
 * @throws BaseError
 */
export async function registerBase(input: RegisterBaseInput): Promise<BaseInfo> {
  const { folder, onnx, outDir, name } = input;
  const source = onnx === undefined ? await readFolder(folder) : await readExported(folder, onnx);
  const { tokenizerBytes } = source;
  const settings = await chooseSettings(input, source.config);

  const hash = createHash('sha256');
  const parts = [CONVERTER_VERSION, ...source.parts, JSON.stringify(settings)];
  for (const part of parts) addPart(hash, part);
  const sha256 = hash.digest('hex');
  const present = await tryReadBase(outDir);
  if (present?.sha256 === sha256) return present;
  if (present !== undefined)
    throw new BaseError(`${outDir} holds another base (${present.name}); give a folder that does not exist.`);

  const converted = await named(source.name, () => source.convert(settings));
  const { hidden, layers } = converted;
  const info: BaseInfo = {
    name,
    sha256,
    hiddenSize: hidden,
    layers,
    featureLayers: settings.featureLayers,
    featureSize: hidden * settings.featureLayers.length,
    topLayers: settings.topLayers,
    sites: converted.sites,
    maxTokens: settings.maxTokens,
  };
  // The whole encoder says where each weight lies; the graphs made of it refer there.
  const { external, placed } = writeModel(converted.whole, {
    externalData: { location: 'weights.bin' },
  });
  const graphFile = (model: Model) => writeModel(model, { existing: placed }).model;
  await mkdir(dirname(outDir), { recursive: true });
  const temporary = await mkdtemp(join(dirname(outDir), `.${basename(outDir)}-`));
  try {
    const files: BaseFile['files'] = {
      'trunk.onnx': await writeFile(join(temporary, 'trunk.onnx'), [graphFile(converted.trunk)]),
      'top.onnx': await writeFile(join(temporary, 'top.onnx'), [graphFile(converted.serving)]),
      'training.onnx': await writeFile(join(temporary, 'training.onnx'), [graphFile(converted.training)]),
      'weights.bin': await writeFile(join(temporary, 'weights.bin'), external?.chunks ?? []),
      'tokenizer.json': await writeFile(join(temporary, 'tokenizer.json'), [tokenizerBytes]),
    };
    info.selfCheck = await named(source.name, () => check(temporary, source, info));
    const file: BaseFile = { format: 'scion-base/2', converter: CONVERTER_VERSION, ...info, files };
    const json = new TextEncoder().encode(`${JSON.stringify(file, null, 2)}\n`);
    await writeFile(join(temporary, 'base.json'), [json]);
    await rename(temporary, outDir);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    // Another process may have registered the same base meanwhile; a rename never replaces a folder with content.
    const other = await tryReadBase(outDir);
    if (other?.sha256 === sha256) return other;
    throw error;
  }
  return info;
}

/**
 * Reads what `registerBase` wrote. The files' sizes are checked, and the hashes of all but the weights, whose tens of
 * megabytes would delay every start.
 * @throws BaseError
 */
export async function readBase(dir: string): Promise<BaseInfo> {
  const again = 'Delete the folder and register the base again.';
  let bytes: Uint8Array;
  try {
    bytes = await readFile(join(dir, 'base.json'));
  } catch (error) {
    throw new BaseError(`${dir} holds no registered base: base.json cannot be read.`, { cause: error });
  }
  const file: unknown = parseObject(bytes, `${dir}/base.json`);
  if (!Value.Check(BaseFile, file))
    throw new BaseError(`${dir}/base.json is not of the form scion-base/2. ${again}`);
  const { format: _, converter, files, ...info } = file;
  if (converter !== CONVERTER_VERSION)
    throw new BaseError(`${dir} was registered by another version of the engine (${converter}). ${again}`);
  for (const name of modelFiles) {
    const path = join(dir, name);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) throw new BaseError(`${path} is missing. ${again}`);
    if (found.size !== files[name]?.bytes)
      throw new BaseError(`${path} has another size than recorded. ${again}`);
    if (name !== 'weights.bin' && sha256Of(await readFile(path)) !== files[name].sha256)
      throw new BaseError(`${path} is not what was registered. ${again}`);
  }
  return info;
}

async function tryReadBase(dir: string): Promise<BaseInfo | undefined> {
  const entries = await readdir(dir).catch(() => []);
  return entries.length === 0 ? undefined : readBase(dir);
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

function parseObject(bytes: Uint8Array, name: string): ModelConfig {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as ModelConfig;
  } catch {
    // Said below, the same as for JSON that is not an object.
  }
  throw new BaseError(`${name} is not a JSON object.`);
}

async function chooseSettings(
  { folder, maxTokens, featureLayers, topLayers }: RegisterBaseInput,
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

async function readFolder(folder: string): Promise<Source> {
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

async function readExported(folder: string, onnx: string): Promise<Source> {
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

/** Refuses a base whose halves answer otherwise than the file, or whose gradient is wrong. */
async function check(dir: string, source: Source, info: BaseInfo): Promise<BaseInfo['selfCheck']> {
  const halves = await source.compare?.(dir, info).catch((error: Error) => {
    throw new BaseError(
      `${source.name} cannot be run on ${info.maxTokens} tokens: ${error.message}; give fewer as maxTokens.`,
      { cause: error },
    );
  });
  if (halves && !(halves.error <= halves.allowed))
    throw new BaseError(
      `${source.name}, cut in two, answers otherwise: by ${halves.error.toPrecision(2)} of the largest number; ${halves.allowed} is allowed.`,
    );
  const { rank, alpha } = LORA_SETTINGS;
  const { hiddenSize, sites } = info;
  const training = await openTraining(
    { trainingPath: join(dir, 'training.onnx'), hiddenSize, sites },
    { kind: 'classification', rank, alpha },
  );
  await training.close();
  return { ...training.selfCheck, ...(halves && { halves }) };
}

/** What goes wrong in the graph is told with the name of its source. */
async function named<T>(source: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof GraphError)
      throw new BaseError(`${source} cannot be converted: ${error.message}.`, { cause: error });
    throw error;
  }
}

/** Writes and flushes to the disk: the rename that follows must not become durable before its content. */
async function writeFile(path: string, chunks: Uint8Array[]): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  const file = await open(path, 'wx');
  let bytes = 0;
  try {
    for (const chunk of chunks) {
      hash.update(chunk);
      await file.writeFile(chunk);
      bytes += chunk.byteLength;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { bytes, sha256: hash.digest('hex') };
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Length first, so that no two lists of parts hash alike. */
function addPart(hash: Hash, part: string | Uint8Array): void {
  const bytes = typeof part === 'string' ? new TextEncoder().encode(part) : part;
  hash.update(`${bytes.byteLength}:`).update(bytes);
}
