import { join } from 'node:path';
import type { StoreSettings } from '@scion/store';
import type { Input } from './command.js';

/** Where the objects are: the bucket where one is named, else the data folder. */
export function storeSettings(input: Input): StoreSettings {
  const bucket = input.text('bucket');
  if (bucket === undefined) return { kind: 'folder', path: join(input.required('data'), 'objects') };
  return {
    kind: 's3',
    bucket,
    endpoint: input.text('endpoint'),
    region: input.text('region') ?? 'us-east-1',
    prefix: input.text('prefix') ?? '',
    forcePathStyle: input.flag('path-style'),
  };
}
