import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { bad, type Check, type Finding, good, skipped } from './finding.js';

/** Whether the bases of the data folder can be served, and what by. */
export function baseChecks(folder: string): Check[] {
  const names = existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
        .map(({ name }) => name)
    : [];
  if (names.length === 0)
    return [
      {
        name: 'base',
        look: async () => skipped(`none in ${folder} yet; scion up or scion base add makes one`),
      },
    ];
  return names.map((name) => ({ name: 'base', look: () => lookAt(join(folder, name)) }));
}

async function lookAt(folder: string): Promise<Finding> {
  const { BaseError, createEngine } = await import('@scion/engine');
  try {
    const engine = await createEngine({
      ...{ baseDir: folder, threads: 1, cacheBytes: 1 },
      loadAdapter: async () => undefined,
    });
    try {
      await engine.embed(['ready?']);
      const { name, sha256 } = engine.base;
      return good(`${name} (${sha256.slice(0, 12)}) answers, provider ${engine.provider}`);
    } finally {
      await engine.close();
    }
  } catch (error) {
    if (error instanceof BaseError) return bad(error.message, 'scion base add registers it again');
    return bad(
      `${folder}: ${(error as Error).message}`,
      'npm ci installs onnxruntime-node again; infra/README.md tells about GPUs',
    );
  }
}
