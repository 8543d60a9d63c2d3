import { AppError, type Key, Scope, timestamp } from '@scion/contracts';
import { indexNames } from './indexes.js';
import { encodeJson, readJson } from './json-object.js';
import { objectKeys } from './keys.js';
import { mapLimit } from './map-limit.js';
import { isId, type RegistryParts } from './parts.js';
import type { Keys } from './registry.js';
import { keyIdOf, keySecretPattern, newKeySecret, sameHash, sha256Hex } from './secrets.js';

/** How long a deleted key may still work in a process that missed the invalidation. */
const verifiedForMs = 10_000;

interface KeyRecord extends Key {
  /** Hex SHA-256 of the secret, which itself is never stored. 256 random bits need no slow hash. */
  secretSha256: string;
}

/** What an operator key of ours may do. `read` is left out: it adds nothing to the others. */
const allScopes = Scope.enum.filter((scope) => scope !== 'read');

/** Our ids sort by creation; these come from the secret's hash instead, and lists order by them. */
export function createKeys(parts: RegistryParts): Keys {
  const { store, indexes, clock } = parts;
  const cache = parts.cache<KeyRecord | undefined>('key', verifiedForMs);
  const read = (keyId: string) => readJson<KeyRecord>(store, objectKeys.key(keyId));
  const open = ({ secretSha256: _, ...key }: KeyRecord): Key => key;

  const isCurrent = ({ expiresAt }: KeyRecord) => expiresAt === null || Date.parse(expiresAt) > clock();

  async function write(secret: string, key: Omit<Key, 'id' | 'createdAt'>): Promise<Key> {
    const record: KeyRecord = {
      id: keyIdOf(secret),
      ...key,
      createdAt: timestamp(clock),
      secretSha256: sha256Hex(secret),
    };
    await store.put(objectKeys.key(record.id), encodeJson(record));
    await indexes.add(indexNames.keys(record.tenantId), record.id);
    await parts.announce('key', record.id);
    return open(record);
  }

  async function page(tenantId: string | null, request: Parameters<Keys['list']>[1]) {
    const { members, nextCursor } = await indexes.page(indexNames.keys(tenantId), request);
    const records = await mapLimit(members, read);
    const data = records.filter((record) => record !== undefined && record.tenantId === tenantId);
    return { data: data.map((record) => open(record as KeyRecord)), nextCursor };
  }

  return {
    async create(tenantId, { name, scopes, expiresAt = null }) {
      const secret = newKeySecret();
      return { ...(await write(secret, { tenantId, name, scopes, expiresAt })), secret };
    },
    async verify(secret) {
      if (!keySecretPattern.test(secret)) return undefined;
      const keyId = keyIdOf(secret);
      const record = await cache.get(keyId, () => read(keyId));
      if (!record) {
        // Unknown secrets are not kept: a key made a moment later works at once, and guesses push nothing out.
        cache.invalidate(keyId);
        return undefined;
      }
      if (!sameHash(record.secretSha256, sha256Hex(secret))) return undefined;
      return isCurrent(record) ? open(record) : undefined;
    },
    async active(keyId) {
      const record = await cache.get(keyId, () => read(keyId));
      return record && isCurrent(record) ? open(record) : undefined;
    },
    list: page,
    async delete(tenantId, keyId) {
      const record = isId('key', keyId) ? await read(keyId) : undefined;
      if (record?.tenantId !== tenantId || record === undefined) {
        throw new AppError('key_not_found', 'No key has this id.');
      }
      await store.delete(objectKeys.key(keyId));
      await parts.announce('key', keyId);
      await indexes.remove(indexNames.keys(tenantId), keyId);
    },
    async ensureOperatorKey(secret) {
      const fields = { tenantId: null, name: 'operator', scopes: [...allScopes], expiresAt: null };
      if (secret !== undefined) {
        if (!keySecretPattern.test(secret)) {
          throw new AppError(
            'invalid_request',
            'An operator secret is `scion_` followed by 32 to 256 letters, digits, `-` or `_`.',
          );
        }
        const record = await read(keyIdOf(secret));
        const usable = record?.tenantId === null && sameHash(record.secretSha256, sha256Hex(secret));
        return { key: usable ? open(record) : await write(secret, fields), secret };
      }
      return parts.locks.hold('operator-key', async () => {
        const { data } = await page(null, {});
        const usable = data.find(
          (key) => key.expiresAt === null && allScopes.every((s) => key.scopes.includes(s)),
        );
        if (usable) return { key: usable, secret: null };
        const made = newKeySecret();
        return { key: await write(made, fields), secret: made };
      });
    },
  };
}
