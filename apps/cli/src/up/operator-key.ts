import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The key of the person who runs this machine: made at the first start, kept in the data folder, readable by its
 * owner alone. The API stores only its hash.
 */
export async function operatorKey(
  dataPath: string,
): Promise<{ secret: string; path: string; isNew: boolean }> {
  const path = join(dataPath, 'operator-key');
  try {
    return { secret: (await readFile(path, 'utf8')).trim(), path, isNew: false };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const secret = `scion_operator_${randomBytes(24).toString('base64url')}`;
  await writeFile(path, `${secret}\n`, { mode: 0o600, flag: 'wx' });
  return { secret, path, isNew: true };
}
