import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import type { SigningKey } from '@scion/contracts';
import { encodeJson, readJson } from './json-object.js';
import { objectKeys } from './keys.js';
import type { RegistryParts } from './parts.js';

/** Ed25519 as a JSON Web Key (RFC 8037); `d` is the private part. */
interface StoredKey {
  x: string;
  d: string;
}

export interface Signer {
  /** A compact JWS (RFC 7515) over the value as JSON. */
  sign(value: unknown): Promise<string>;
  publicKey(): Promise<SigningKey>;
}

const base64url = (text: string): string => Buffer.from(text).toString('base64url');

/** The deployment's key, kept in the store so that all processes share it and it outlives Redis. */
export function createSigner({ store, locks }: Pick<RegistryParts, 'store' | 'locks'>): Signer {
  let loading: Promise<StoredKey> | undefined;

  const read = () => readJson<StoredKey>(store, objectKeys.signingKey);

  async function load(): Promise<StoredKey> {
    const stored = await read();
    if (stored) return stored;
    return locks.hold('signing-key', async () => {
      const { x, d } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
      await store.create(objectKeys.signingKey, encodeJson({ x, d }));
      // What stands counts: another process, whose lock was lost, may have been first.
      return (await read()) as StoredKey;
    });
  }

  function key(): Promise<StoredKey> {
    loading ??= load().catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  }

  const jwkOf = ({ x }: StoredKey) => ({ kty: 'OKP' as const, crv: 'Ed25519' as const, x });

  /** RFC 7638: SHA-256 over the required members in lexical order. */
  function thumbprint({ x }: StoredKey): string {
    const members = JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x });
    return createHash('sha256').update(members).digest('base64url');
  }

  return {
    async sign(value) {
      const stored = await key();
      const privateKey = createPrivateKey({ format: 'jwk', key: { ...jwkOf(stored), d: stored.d } });
      const header = base64url(JSON.stringify({ alg: 'EdDSA', kid: thumbprint(stored) }));
      const input = `${header}.${base64url(JSON.stringify(value))}`;
      return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`;
    },
    async publicKey() {
      const stored = await key();
      // Refuses a damaged key here instead of publishing it.
      createPublicKey({ format: 'jwk', key: jwkOf(stored) });
      return { ...jwkOf(stored), kid: thumbprint(stored), alg: 'EdDSA', use: 'sig' };
    },
  };
}
