import type { Key, Scope } from '@scion/sdk';
import type { Context } from '../command.js';
import { confirm } from '../confirm.js';
import { connectTenant } from '../connection.js';
import { time } from '../terminal/format.js';
import { renderTable } from '../terminal/table.js';
import { UserError } from '../user-error.js';
import { takeFirst } from './take-first.js';

const known: readonly Scope[] = ['admin', 'train', 'predict'];

export async function createKey(context: Context): Promise<void> {
  const { input, terminal } = context;
  const scopes = input.list('scopes') as Scope[];
  const unknown = scopes.filter((scope) => !known.includes(scope));
  if (unknown.length > 0 || scopes.length === 0)
    throw new UserError(`--scopes takes ${known.join(', ')}, not ${JSON.stringify(unknown.join(','))}`);
  const expires = input.text('expires');
  const at = expires === undefined ? undefined : new Date(expires);
  if (at && Number.isNaN(at.getTime()))
    throw new UserError(`--expires is a date such as 2027-01-31, not ${JSON.stringify(expires)}`);
  const client = await connectTenant(context);
  const key = await client.keys.create({
    name: input.arg('name'),
    scopes,
    ...(at && { expiresAt: at.toISOString() }),
  });
  terminal.result(key, () => key.secret);
  terminal.note(
    terminal.errorStyle.dim(`${key.id}, ${key.scopes.join(' and ')}; the secret is not shown again`),
  );
}

export async function listKeys(context: Context): Promise<void> {
  const { terminal } = context;
  const keys = await takeFirst((await connectTenant(context)).keys.list(), context);
  terminal.result(keys, () =>
    renderTable<Key>(
      keys,
      [
        { title: 'key', cell: ({ id }) => id, style: terminal.style.cyan },
        { title: 'name', cell: ({ name }) => name, flexible: true },
        { title: 'scopes', cell: ({ scopes }) => scopes.join(', ') },
        { title: 'created', cell: ({ createdAt }) => time(createdAt) },
        { title: 'expires', cell: ({ expiresAt }) => (expiresAt ? time(expiresAt) : 'never') },
      ],
      terminal,
    ),
  );
}

export async function deleteKey(context: Context): Promise<void> {
  const id = context.input.arg('id');
  const client = await connectTenant(context);
  await confirm(context, `Delete ${id}? Whoever uses it is locked out at once.`);
  await client.keys.delete(id);
  context.terminal.result({ deleted: id }, () => `deleted ${id}`);
}
