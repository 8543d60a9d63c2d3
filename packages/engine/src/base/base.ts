import { createHash, type Hash } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Model, quantiseDynamic, type Tensor, writeModel } from '@scion/graph';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { LORA_SETTINGS } from '../lora/recipe.js';
import { openTraining } from '../thread/session-training.js';
import { BaseInfo, type TrunkCheck } from './base-info.js';
import {
  BaseError,
  chooseSettings,
  named,
  parseObject,
  readExported,
  readFolder,
  type Source,
} from './source.js';
import { checkTrunk, refusalOf } from './trunk-check.js';

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
  /**
   * `int8`: the trunk multiplies integers, which is faster on a CPU and smaller, and answers a little differently; refused
   * where that is more than a stated bound. Another base than the one in float32. Default `float32`.
   */
  trunk?: TrunkType;
}

export type TrunkType = 'float32' | 'int8';

/** Raised whenever the features of a text change: adapters trained on other ones must not be used. */
const CONVERTER_VERSION = 'scion-features/2';
/** Raised whenever the same weights are quantised otherwise. */
const QUANTISER_VERSION = 'int8/1';
const modelFiles = ['trunk.onnx', 'top.onnx', 'training.onnx', 'weights.bin', 'tokenizer.json'] as const;

/**
 * Turns a Hugging Face folder of the BERT family, or an exported encoder, into what the engine serves: trunk.onnx,
 * top.onnx and training.onnx with their weights.bin, tokenizer.json and base.json. The gradient that adapters are trained
 * with is derived at once, and checked. Atomic: `outDir` appears whole or not at all. Idempotent: when it holds this very
 * base already, nothing is written.
 * @throws BaseError
 */
export async function registerBase(input: RegisterBaseInput): Promise<BaseInfo> {
  const { folder, onnx, outDir, name, trunk = 'float32' } = input;
  const source = onnx === undefined ? await readFolder(folder) : await readExported(folder, onnx);
  const { tokenizerBytes } = source;
  const settings = await chooseSettings(input, source.config);

  const hash = createHash('sha256');
  const parts = [CONVERTER_VERSION, ...source.parts, JSON.stringify(settings)];
  if (trunk === 'int8') parts.push(QUANTISER_VERSION);
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
  const graphs = {
    'trunk.onnx': converted.trunk,
    'top.onnx': converted.serving,
    'training.onnx': converted.training,
  };
  await mkdir(dirname(outDir), { recursive: true });
  const temporary = await mkdtemp(join(dirname(outDir), `.${basename(outDir)}-`));
  try {
    // What is compared with the source, and the int8 trunk with.
    const float32 = trunk === 'int8' ? join(temporary, 'float32') : temporary;
    if (trunk === 'int8') {
      await mkdir(float32);
      await writeGraphs(float32, graphs);
      graphs['trunk.onnx'] = quantiseDynamic(converted.trunk);
    }
    const files: BaseFile['files'] = {
      ...(await writeGraphs(temporary, graphs)),
      'tokenizer.json': await writeFile(join(temporary, 'tokenizer.json'), [tokenizerBytes]),
    };
    info.selfCheck = await named(source.name, () => check({ float32, served: temporary }, source, info));
    if (trunk === 'int8') {
      info.int8Trunk = await checkInt8({ float32, served: temporary }, info);
      await rm(float32, { recursive: true });
    }
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

/** Refuses a base whose halves answer otherwise than the file, or whose gradient is wrong. */
async function check(
  dirs: { float32: string; served: string },
  source: Source,
  info: BaseInfo,
): Promise<BaseInfo['selfCheck']> {
  const halves = await source.compare?.(dirs.float32, info).catch((error: Error) => {
    throw new BaseError(
      `${source.name} cannot be run on ${info.maxTokens} tokens: ${error.message}; give fewer as maxTokens.`,
      { cause: error },
    );
  });
  if (halves && !(halves.error <= halves.allowed))
    throw new BaseError(
      `${source.name}, cut in two, answers otherwise: by ${halves.error.toPrecision(2)} of the largest number; ${halves.allowed} is allowed.`,
    );
  const { rank } = LORA_SETTINGS;
  const { hiddenSize, sites } = info;
  const training = await openTraining(
    { trainingPath: join(dirs.served, 'training.onnx'), hiddenSize, sites },
    { kind: 'classification', rank },
  );
  await training.close();
  return { ...training.selfCheck, ...(halves && { halves }) };
}

/** Holds the int8 trunk against the one that it was made of. */
async function checkInt8(
  { float32, served }: { float32: string; served: string },
  info: BaseInfo,
): Promise<TrunkCheck> {
  const result = await checkTrunk(
    { float32: join(float32, 'trunk.onnx'), quantised: join(served, 'trunk.onnx') },
    { ...info, topPath: join(served, 'top.onnx'), tokenizerPath: join(served, 'tokenizer.json') },
  );
  const refusal = refusalOf(result);
  if (refusal !== undefined)
    throw new BaseError(
      `${info.name} does not bear an int8 trunk: ${refusal}. Register it with a float32 trunk.`,
    );
  return result;
}

/** Graphs beside one file of their weights, each weight once, however many of them read it. */
async function writeGraphs(dir: string, graphs: Record<string, Model>): Promise<BaseFile['files']> {
  const byBytes = new Map<Uint8Array, Tensor>();
  for (const { graph } of Object.values(graphs))
    for (const tensor of graph.initializers.values()) byBytes.set(tensor.data, tensor);
  const initializers = new Map([...byBytes.values()].map((tensor, at) => [`${at}`, tensor]));
  const [model] = Object.values(graphs);
  const { external, placed } = writeModel(
    { ...model, graph: { ...model.graph, nodes: [], inputs: [], outputs: [], initializers } },
    { externalData: { location: 'weights.bin' } },
  );
  const files: BaseFile['files'] = {};
  for (const [name, graph] of Object.entries(graphs))
    files[name] = await writeFile(join(dir, name), [writeModel(graph, { existing: placed }).model]);
  files['weights.bin'] = await writeFile(join(dir, 'weights.bin'), external?.chunks ?? []);
  return files;
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
