import { createFileStore, createS3Store, type ObjectStore } from '@scion/store';
import type { Config } from './config.js';

/** Opens where objects live. S3 credentials come from the AWS client's own chain. */
export async function openStore(objects: Config['objects']): Promise<ObjectStore> {
  if (objects.kind === 'folder') return createFileStore({ root: objects.path });
  const { bucket, endpoint, region, prefix, forcePathStyle } = objects;
  return createS3Store({ bucket, region, prefix, forcePathStyle, ...(endpoint && { endpoint }) });
}
