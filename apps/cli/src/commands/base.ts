import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type BaseInfo, createEngine, readBase, registerBase, type TrunkType } from '@scion/engine';
import { findSource, type Source } from '../bases/find-source.js';
import type { Context } from '../command.js';
import { exitCodes } from '../exit-codes.js';
import { bytes, duration, percent } from '../terminal/format.js';
import { renderFacts, renderTable } from '../terminal/table.js';
import { defaultBase, defaultBasePackage, nameWith } from '../up/base.js';
import { UserError } from '../user-error.js';

/** Of weights, measured: reading, hashing, converting to float32 and writing; checking the gradient goes on top. */
const bytesPerSecond = 60_000_000;
const checkSeconds = 2;

export async function addBase({ input, terminal }: Context): Promise<number> {
  const { style } = terminal;
  const named = input.optionalArg('source');
  const source = await findSource(named ?? defaultBasePackage, (line) => terminal.note(line));
  try {
    const trunk = input.required('trunk') as TrunkType;
    const name = input.text('name') ?? nameWith(named === undefined ? defaultBase : source.name, trunk);
    const outDir = input.text('out') ?? join(input.required('data'), 'bases', name);
    const seconds = source.weightBytes / bytesPerSecond + checkSeconds;
    terminal.note(
      [
        `${source.what}: ${source.modelType}, ${bytes(source.weightBytes)} of weights`,
        `will ${source.onnx ? 'cut it in two' : 'convert it to ONNX'} in ${outDir}, about ${bytes(source.floatBytes)} on disk and ${duration(seconds)}, check its gradient and try it out`,
      ].join('\n'),
    );
    if (input.flag('dry-run')) {
      terminal.result({ dryRun: true, name, outDir, ...planOf(source), seconds }, () => 'nothing was done');
      return exitCodes.ok.code;
    }
    const startedAt = performance.now();
    const [maxTokens, topLayers] = [input.number('max-tokens'), input.number('top-layers')];
    const base = await registerBase({
      ...{ folder: source.folder, onnx: source.onnx, outDir, name, trunk },
      ...(maxTokens !== undefined && { maxTokens }),
      ...(topLayers !== undefined && { topLayers }),
    });
    const converted = (performance.now() - startedAt) / 1_000;
    const tried = await tryBase(outDir);
    terminal.result({ ...base, folder: outDir, seconds: converted, check: tried }, () => [
      `${style.green('registered')} ${base.name} (${base.sha256.slice(0, 12)}) in ${duration(converted)}`,
      ...renderFacts(factsOf(base, tried), style),
      tried.sensible
        ? style.dim(`serve it with SCION_BASE=${outDir}, for scion up or for api and worker`)
        : style.red(
            'it tells paraphrases no better from strangers than chance: heads on it will learn little',
          ),
    ]);
    return tried.sensible ? exitCodes.ok.code : exitCodes.incomplete.code;
  } finally {
    await source.remove();
  }
}

export async function listBases({ input, terminal }: Context): Promise<void> {
  const folder = join(input.required('data'), 'bases');
  const bases = await basesIn(folder);
  terminal.result(bases, () =>
    bases.length === 0
      ? `no base is registered in ${folder}; scion base add registers the default one`
      : renderTable<(typeof bases)[number]>(
          bases,
          [
            { title: 'base', cell: ({ name }) => name, style: terminal.style.cyan },
            { title: 'sha256', cell: ({ sha256 }) => sha256?.slice(0, 12) ?? '–' },
            { title: 'layers', cell: ({ layers }) => String(layers ?? '–'), align: 'right' },
            { title: 'hidden', cell: ({ hiddenSize }) => String(hiddenSize ?? '–'), align: 'right' },
            { title: 'tokens', cell: ({ maxTokens }) => String(maxTokens ?? '–'), align: 'right' },
            { title: 'trunk', cell: ({ int8Trunk }) => (int8Trunk ? 'int8' : 'float32') },
            { title: 'size', cell: (base) => bytes(base.diskBytes), align: 'right' },
            { title: 'state', cell: ({ problem }) => problem ?? 'whole', flexible: true },
          ],
          terminal,
        ),
  );
}

export async function checkBase({ input, terminal }: Context): Promise<number> {
  const folder = await folderOf(input.optionalArg('base'), join(input.required('data'), 'bases'));
  const base = await readBase(folder);
  const tried = await tryBase(folder);
  const { style } = terminal;
  terminal.result({ ...base, folder, check: tried }, () => [
    tried.sensible
      ? `${style.green('good')} ${base.name} (${base.sha256.slice(0, 12)}) in ${folder}`
      : `${style.red('bad')} ${base.name} in ${folder} tells paraphrases no better from strangers than chance`,
    ...renderFacts(factsOf(base, tried), style),
  ]);
  return tried.sensible ? exitCodes.ok.code : exitCodes.incomplete.code;
}

interface Trial {
  provider: string;
  loadSeconds: number;
  /** Of one short text. */
  millisecondsPerText: number;
  /** Mean cosine of sentences that mean the same, and of ones that have nothing in common. */
  paraphraseCosine: number;
  strangerCosine: number;
  sensible: boolean;
}

const pairs = [
  ['How do I reset my password?', 'I forgot my password and need a new one'],
  ['The train was late again', 'Our train arrived behind schedule once more'],
  ['She planted tomatoes in spring', 'In spring she put tomato plants into the ground'],
] as const;

/** Loads a base and asks it what any sentence encoder knows. */
async function tryBase(baseDir: string): Promise<Trial> {
  const startedAt = performance.now();
  const engine = await createEngine({
    ...{ baseDir, threads: 1, cacheBytes: 1 },
    loadAdapter: async () => undefined,
  });
  const loadSeconds = (performance.now() - startedAt) / 1_000;
  try {
    const texts = pairs.flat();
    const embedded = await engine.embed(texts);
    const size = engine.base.hiddenSize;
    const cosine = (a: number, b: number): number => {
      let sum = 0;
      for (let at = 0; at < size; at += 1) sum += embedded[a * size + at]! * embedded[b * size + at]!;
      return sum;
    };
    const mean = (values: number[]): number => values.reduce((a, b) => a + b) / values.length;
    const paraphraseCosine = mean(pairs.map((_, at) => cosine(2 * at, 2 * at + 1)));
    const strangerCosine = mean(pairs.map((_, at) => cosine(2 * at, (2 * at + 3) % texts.length)));
    const timed = performance.now();
    const rounds = 10;
    for (let round = 0; round < rounds; round += 1) await engine.embed([texts[round % texts.length]!]);
    const millisecondsPerText = (performance.now() - timed) / rounds;
    const sensible = Number.isFinite(paraphraseCosine) && paraphraseCosine > strangerCosine + 0.1;
    return {
      provider: engine.provider,
      ...{ loadSeconds, millisecondsPerText, paraphraseCosine, strangerCosine, sensible },
    };
  } finally {
    await engine.close();
  }
}

function factsOf(base: BaseInfo, tried: Trial): Record<string, string> {
  return {
    ...(base.int8Trunk && { trunk: int8Fact(base.int8Trunk) }),
    shape: `${base.layers} layers of ${base.hiddenSize}, inputs up to ${base.maxTokens} tokens`,
    adapters: base.topLayers === base.layers ? 'in all layers' : `in the last ${base.topLayers}`,
    ...(base.selfCheck && { gradient: gradientFact(base.selfCheck) }),
    provider: tried.provider,
    speed: `loads in ${duration(tried.loadSeconds)}, one short text in ${tried.millisecondsPerText.toFixed(1)} ms`,
    meaning: `paraphrases at cosine ${tried.paraphraseCosine.toFixed(2)}, strangers at ${tried.strangerCosine.toFixed(2)}`,
  };
}

const gradientFact = ({ directions, worst, halves }: NonNullable<BaseInfo['selfCheck']>): string =>
  `right in ${directions} directions, the worst at ${percent(worst)} of what is allowed` +
  (halves ? `; cut in two it answers as the file, to ${halves.error.toExponential(0)}` : '');

const int8Fact = ({ texts, featureCosine, allowed }: NonNullable<BaseInfo['int8Trunk']>): string =>
  `int8, features of ${texts} texts at cosine ${featureCosine.least.toFixed(4)} or more to those in float32 (${allowed.featureCosine} is asked for)`;

const planOf = ({ what, modelType, weightBytes, floatBytes }: Source) => ({
  ...{ source: what, modelType, weightBytes, diskBytes: floatBytes },
});

interface Listed extends Partial<BaseInfo> {
  name: string;
  folder: string;
  diskBytes: number;
  /** Why it cannot be served; undefined when it can. */
  problem?: string;
}

async function basesIn(folder: string): Promise<Listed[]> {
  const names = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return Promise.all(
    names
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(async ({ name }): Promise<Listed> => {
        const path = join(folder, name);
        const files = await readdir(path);
        const sizes = await Promise.all(files.map(async (file) => (await stat(join(path, file))).size));
        const diskBytes = sizes.reduce((sum, size) => sum + size, 0);
        try {
          return { ...(await readBase(path)), folder: path, diskBytes };
        } catch (error) {
          return { name, folder: path, diskBytes, problem: (error as Error).message };
        }
      }),
  );
}

async function folderOf(named: string | undefined, folder: string): Promise<string> {
  if (named !== undefined) {
    const inData = join(folder, named);
    const found = await stat(join(inData, 'base.json')).catch(() => undefined);
    return found ? inData : named;
  }
  const bases = await basesIn(folder);
  const [only] = bases;
  if (only && bases.length === 1) return only.folder;
  throw new UserError(bases.length === 0 ? `no base is registered in ${folder}` : 'which base?', {
    hint:
      bases.length === 0
        ? 'scion base add registers one'
        : `one of ${bases.map((base) => basename(base.folder)).join(', ')}`,
  });
}
