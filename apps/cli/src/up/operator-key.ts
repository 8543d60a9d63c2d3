import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writePrivateFile } from '../private-file.js';

/**
 * The key of the person who runs this machine: made at the first start, kept in the data folder, readable by its
 * owner alone. The API stores only its hash.
 */
export async function operatorKey(
  dataPath: string,
): Promise<{ secret: string; path: string; isNew: boolean }> {
  const path = join(dataPath, 'operator-key');
  try {
    // What a power cut leaves of a file may be zeros.
    const secret = (await readFile(path, 'utf8')).replaceAll('\0', '').trim();
    if (secret !== '') return { secret, path, isNew: false };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const secret = `scion_operator_${randomBytes(24).toString('base64url')}`;
  await writePrivateFile(path, `${secret}\n`);
  return { secret, path, isNew: true };
}
