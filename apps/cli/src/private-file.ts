import { rename, writeFile } from 'node:fs/promises';

/** Writes what its owner alone may read, whole or not at all, also where the disk is full or the power goes. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const part = `${path}~`;
  await writeFile(part, text, { mode: 0o600, flush: true });
  await rename(part, path);
}
