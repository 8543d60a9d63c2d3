import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, type ClientOptions, createClient, isScionError, type Tenant } from '@scion/sdk';
import type { Context } from './command.js';
import { findRunning } from './up/data-folder.js';
import { UserError } from './user-error.js';

const defaultUrl = 'http://127.0.0.1:7070';
/** Tenants that are named to whoever has to choose one. */
const shownTenants = 5;

export interface Connection {
  url: string;
  apiKey: string;
  /** Whether the key is the one that the system on this machine made for its operator. */
  local: boolean;
}

/**
 * Where the API is and with which key: what is given, else the system that runs on the data folder. The operator's key
 * in that folder is sent to that system and to no other.
 */
export async function findConnection({ input, env }: Pick<Context, 'input' | 'env'>): Promise<Connection> {
  const data = input.required('data');
  const given = input.text('key');
  const named = input.text('url');
  const running = named !== undefined && given !== undefined ? undefined : await findRunning(data);
  const url = (named ?? running?.url ?? defaultUrl).replace(/\/+$/, '');
  if (!/^https?:\/\/[^/]/.test(url))
    throw new UserError(`--url is not an http or https URL: ${JSON.stringify(url)}`);
  if (given !== undefined) return { url, apiKey: given, local: false };
  const ownKey = url === running?.url ? await readKey(join(data, 'operator-key')) : undefined;
  if (ownKey !== undefined) return { url, apiKey: ownKey, local: true };
  throw new UserError(`no API key for ${url}`, {
    hint:
      named === undefined && !env.SCION_API_KEY
        ? 'start the system with scion up, or set SCION_URL and SCION_API_KEY'
        : 'set SCION_API_KEY, or give --key',
    exit: 'denied',
  });
}

/** A client that speaks as the operator, or as whoever the key belongs to. */
export async function connect(context: Context): Promise<Client> {
  const { url, apiKey } = await findConnection(context);
  return createClient({ baseUrl: url, apiKey });
}

/** A client that speaks for one tenant: the one named, else the key's own, else the only one there is. */
export async function connectTenant(
  context: Context,
  { fetch }: Pick<ClientOptions, 'fetch'> = {},
): Promise<Client> {
  const { url, apiKey } = await findConnection(context);
  const client = createClient({ baseUrl: url, apiKey, fetch });
  const wanted = context.input.text('tenant');
  if (wanted !== undefined && /^ten_[0-9a-z]{26}$/.test(wanted)) return client.withTenant(wanted);
  const tenants = await listTenants(client, { all: wanted !== undefined });
  if (tenants === undefined) {
    if (wanted === undefined) return client;
    throw new UserError(
      `this key is one tenant’s own: it cannot look for one called ${JSON.stringify(wanted)}`,
      {
        hint: 'leave out --tenant (and SCION_TENANT) to mean the key’s own tenant, or give its id',
        exit: 'denied',
      },
    );
  }
  const matching = wanted === undefined ? tenants : tenants.filter(({ name }) => name === wanted);
  const [only] = matching;
  if (only && matching.length === 1) return client.withTenant(only.id);
  const names = tenants.slice(0, shownTenants).map(({ id, name }) => `${id} (${name})`);
  if (tenants.length === 0)
    throw new UserError('there is no tenant yet', { hint: 'scion tenant create <name> makes one' });
  throw new UserError(
    wanted === undefined
      ? 'an operator key speaks for any tenant: say which one'
      : matching.length === 0
        ? `no tenant is called ${JSON.stringify(wanted)}`
        : `${matching.length} tenants are called ${JSON.stringify(wanted)}`,
    { hint: `--tenant ${names.join(', or ')}${tenants.length > shownTenants ? ' …' : ''}` },
  );
}

/** All, or as many as show that there is more than one. Undefined for a tenant's own key, which may not list them. */
async function listTenants(client: Client, { all }: { all: boolean }): Promise<Tenant[] | undefined> {
  const tenants: Tenant[] = [];
  try {
    for await (const tenant of client.tenants.list()) {
      tenants.push(tenant);
      if (!all && tenants.length > shownTenants) break;
    }
  } catch (error) {
    if (isScionError(error, 'scope_missing')) return undefined;
    throw error;
  }
  return tenants;
}

async function readKey(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
