import { AppError, type ModelRef } from '@scion/contracts';
import { objectKeys } from '../keys.js';
import type { RegistryParts } from '../parts.js';

/** An import under way, or one that died: stands beside the objects that it stores, and goes last. */
export interface Importing {
  at: string;
  /** Marks of older deployments lack them: what such an import left stays, until the user is erased. */
  objects?: { key: string; sha256: string }[];
}

/**
 * Throws user_importing while an import of the user is under way or has died half-way. Every writer of a model asks under
 * its lock: what it finds stored may be taken back, so it must neither build upon it nor leave it as what was asked for.
 */
export async function requireNoImport(
  { store }: Pick<RegistryParts, 'store'>,
  { tenantId, user }: ModelRef,
): Promise<void> {
  if (!(await store.head(objectKeys.importing(tenantId, user)))) return;
  throw new AppError(
    'user_importing',
    'This user is being imported, and nothing was changed. Should the import have died, import the archive again or erase the user; otherwise what it left is removed within a day or so.',
    { retryAfterSeconds: 5 },
  );
}
