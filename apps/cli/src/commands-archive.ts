import type { Command } from './command.js';

/** A user as one file: out of one tenant, into another. */
export const archiveCommands: readonly Command[] = [
  {
    path: ['export'],
    about: 'Write a user, in all tasks, into one tar archive',
    notes:
      'Examples, versions with their adapters, which of them was live when, and ended jobs. The key needs scope admin. Any tar reads it, and so does whoever has the file: it holds what the user wrote.',
    options: [
      { name: 'user', value: 'id', about: 'your own id of the end user', required: true },
      { name: 'out', value: 'file', about: 'where to write it', default: 'user.tar' },
      { name: 'force', about: 'replace the file if there is one' },
    ],
    groups: ['connection', 'tenant'],
    examples: [
      {
        line: 'scion export --user ada@example.com --out ada.tar',
        about: 'Into a file that is not there yet',
      },
      {
        line: 'scion export --user ada@example.com --out ada.tar --force',
        about: 'Once more, over the last one',
      },
    ],
    load: () => import('./commands/export-user.js'),
  },
  {
    path: ['import'],
    about: 'Store a user from an archive that export wrote',
    notes:
      'Into a tenant, here or elsewhere, that does not know the user yet, has tasks of the same names and runs on the same base. All of it is stored, or nothing. The key needs scope admin.',
    args: [{ name: 'file', about: 'the archive' }],
    options: [{ name: 'user', value: 'id', about: 'another id for the user; default: the one it had' }],
    groups: ['connection', 'tenant'],
    examples: [
      { line: 'scion import ada.tar --tenant Meadow', about: 'Into another tenant' },
      { line: 'scion import ada.tar --user ada-restored', about: 'Under another id' },
    ],
    load: () => import('./commands/import-user.js'),
  },
];
