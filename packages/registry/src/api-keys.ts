import { AppError, type Key, type KeyCreated, Scope, timestamp } from '@scion/contracts';
import type { KeyIdentity, Keys } from './accounts.js';
import { indexNames } from './indexes.js';
import { encodeJson, readJson } from './json-object.js';
import { createKeyUses } from './key-uses.js';
import { objectKeys } from './keys.js';
import { mapLimit } from './map-limit.js';
import { isId, type RegistryParts } from './parts.js';
import { keyIdOf, keySecretPattern, newKeySecret, sameHash, sha256Hex, startOf } from './secrets.js';

/** How long a deleted key may still work in a process that missed the invalidation. */
const verifiedForMs = 10_000;

interface KeyRecord extends KeyIdentity {
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
  const uses = createKeyUses(parts);
  const open = ({ secretSha256: _, ...key }: KeyRecord): KeyIdentity => key;
  const missing = () => new AppError('key_not_found', 'No key has this id.');

  const isCurrent = ({ expiresAt }: KeyRecord) => expiresAt === null || Date.parse(expiresAt) > clock();

  async function write(
    secret: string,
    key: Omit<KeyIdentity, 'id' | 'start' | 'createdAt'>,
  ): Promise<KeyIdentity> {
    const record: KeyRecord = {
      id: keyIdOf(secret),
      ...key,
      start: startOf(secret),
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
    const own = records.filter((record) => record !== undefined && record.tenantId === tenantId);
    return { data: await withUses(own.map((record) => open(record as KeyRecord))), nextCursor };
  }

  async function withUses(keys: KeyIdentity[]): Promise<Key[]> {
    const used = await uses.last(keys.map(({ id }) => id));
    return keys.map((key, at) => {
      const last = used[at];
      return { ...key, lastUsedAt: last === undefined ? null : timestamp(() => last) };
    });
  }

  async function own(tenantId: string | null, keyId: string): Promise<KeyRecord> {
    const record = isId('key', keyId) ? await read(keyId) : undefined;
    if (record?.tenantId !== tenantId || record === undefined) throw missing();
    return record;
  }

  /** Who may use it, and that it does. */
  function use(record: KeyRecord): KeyIdentity | undefined {
    if (!isCurrent(record)) return undefined;
    uses.note(record.id);
    return open(record);
  }

  async function make(key: Omit<KeyIdentity, 'id' | 'start' | 'createdAt'>): Promise<KeyCreated> {
    const secret = newKeySecret();
    return { ...(await write(secret, key)), lastUsedAt: null, secret };
  }

  /** A rotation must not write a key again that is being deleted. */
  const alone = <T>(keyId: string, work: () => Promise<T>): Promise<T> =>
    parts.locks.hold(`key:${keyId}`, work);

  return {
    create: (tenantId, { name, scopes, expiresAt = null }) => make({ tenantId, name, scopes, expiresAt }),
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
      return use(record);
    },
    async active(keyId) {
      const record = await cache.get(keyId, () => read(keyId));
      return record && use(record);
    },
    list: page,
    async get(tenantId, keyId) {
      const [key] = await withUses([open(await own(tenantId, keyId))]);
      return key as Key;
    },
    rotate: (tenantId, keyId, { overlapSeconds }) =>
      alone(keyId, async () => {
        const old = await own(tenantId, keyId);
        if (old.replacedBy !== undefined) {
          throw new AppError('key_replaced', 'Another key has taken the place of this one already.');
        }
        const { name, scopes, expiresAt } = old;
        const made = await make({ tenantId, name, scopes, expiresAt });
        const endMs = clock() + overlapSeconds * 1_000;
        const sooner = expiresAt !== null && Date.parse(expiresAt) < endMs;
        const replaced: KeyRecord = {
          ...old,
          expiresAt: sooner ? expiresAt : timestamp(() => endMs),
          replacedBy: made.id,
        };
        await store.put(objectKeys.key(keyId), encodeJson(replaced));
        await parts.announce('key', keyId);
        return made;
      }),
    delete: (tenantId, keyId) =>
      alone(keyId, async () => {
        await own(tenantId, keyId);
        await store.delete(objectKeys.key(keyId));
        await parts.announce('key', keyId);
        await indexes.remove(indexNames.keys(tenantId), keyId);
        await uses.forget(keyId);
      }),
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
        // One that was rotated is made good again: whoever starts the service with it wants it to work.
        const usable =
          record?.tenantId === null &&
          record.expiresAt === null &&
          sameHash(record.secretSha256, sha256Hex(secret));
        return { key: usable ? open(record) : await write(secret, fields), secret };
      }
      return parts.locks.hold('operator-key', async () => {
        const { data } = await page(null, {});
        const usable = data.find(
          (key) => key.expiresAt === null && allScopes.every((s) => key.scopes.includes(s)),
        );
        if (usable) {
          const { lastUsedAt: _, ...key } = usable;
          return { key, secret: null };
        }
        const made = newKeySecret();
        return { key: await write(made, fields), secret: made };
      });
    },
  };
}
