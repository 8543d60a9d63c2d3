import { createFileStore } from './file/file-store.js';
import type { ObjectStore } from './object-store.js';
import { createS3Store } from './s3/create-s3-store.js';
import type { S3StoreOptions } from './s3/options.js';

/** Where a deployment keeps its objects, as its environment names it. */
export type StoreSettings =
  | { kind: 'folder'; path: string }
  | ({ kind: 's3' } & Pick<S3StoreOptions, 'bucket' | 'endpoint' | 'region' | 'prefix' | 'forcePathStyle'>);

/** Opens a folder or a bucket. S3 credentials come from the AWS client's own chain. */
export async function openStore(settings: StoreSettings): Promise<ObjectStore> {
  return settings.kind === 'folder' ? createFileStore({ root: settings.path }) : createS3Store(settings);
}
