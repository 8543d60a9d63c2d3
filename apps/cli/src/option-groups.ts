import type { Option } from './command.js';

/** Options that several commands share. */
export const optionGroups = {
  connection: [
    {
      name: 'url',
      value: 'url',
      about:
        'where the API answers; default: the system that runs on the data folder, else http://127.0.0.1:7070',
      env: 'SCION_URL',
    },
    {
      name: 'key',
      value: 'secret',
      about: 'API key; default: the data folder’s operator key, for the system that runs on it',
      env: 'SCION_API_KEY',
    },
    {
      name: 'data',
      value: 'folder',
      about: 'data folder of the system on this machine',
      env: 'SCION_DATA',
      default: 'data',
    },
  ],
  tenant: [
    {
      name: 'tenant',
      value: 'id|name',
      about: 'which tenant an operator key speaks for; not needed where there is only one',
      env: 'SCION_TENANT',
    },
  ],
  storage: [
    {
      name: 'redis',
      value: 'url',
      about: 'redis:// or rediss:// URL, or the path of a unix socket',
      env: 'REDIS_URL',
    },
    { name: 'bucket', value: 'name', about: 'the bucket, where objects are in S3', env: 'S3_BUCKET' },
    { name: 'endpoint', value: 'url', about: 'S3 endpoint; AWS when left out', env: 'S3_ENDPOINT' },
    { name: 'region', value: 'name', about: 'S3 region', env: 'S3_REGION', default: 'us-east-1' },
    { name: 'prefix', value: 'text', about: 'before every key in the bucket', env: 'S3_PREFIX', default: '' },
    { name: 'path-style', about: 'address the bucket in the path', env: 'S3_FORCE_PATH_STYLE' },
  ],
  data: [
    {
      name: 'data',
      value: 'folder',
      about: 'data folder, where objects are kept on disk',
      env: 'SCION_DATA',
      default: 'data',
    },
  ],
} as const satisfies Record<string, readonly Option[]>;

/** What every command takes. */
export const globalOptions = [
  { name: 'json', about: 'print JSON: one document, or one line for each event' },
  { name: 'no-color', about: 'print no colours (so does NO_COLOR, and a pipe)' },
  { name: 'help', short: 'h', about: 'show this' },
] as const satisfies readonly Option[];
