import { createHash } from 'node:crypto';
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';

/** How much of a file an earlier import has brought home. */
export interface Checkpoint {
  /** Every row up to the one that begins on this line is stored. */
  readonly line: number;
  save(line: number): Promise<void>;
  remove(): Promise<void>;
}

/**
 * A small file beside the imported one. It counts only for the same file (size and time of change) going to the same
 * place with the same mapping; where it cannot be written the import just begins anew, which harms nothing.
 */
export async function openCheckpoint(path: string, target: unknown): Promise<Checkpoint> {
  const { size, mtimeMs } = await stat(path);
  const key = createHash('sha256')
    .update(JSON.stringify([size, mtimeMs, target]))
    .digest('hex');
  const file = `${path}.scion-import`;
  const found = await readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as { key: string; line: number },
    () => undefined,
  );
  return {
    line: found?.key === key && Number.isInteger(found.line) ? found.line : 0,
    async save(line) {
      try {
        await writeFile(`${file}~`, JSON.stringify({ key, line }));
        await rename(`${file}~`, file);
      } catch {
        // A folder that cannot be written: sending a row twice is harmless.
      }
    },
    remove: () => rm(file, { force: true }).catch(() => undefined),
  };
}
