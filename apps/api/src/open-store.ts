import { createFileStore, createS3Store, type ObjectStore } from '@scion/store';
import type { StoreConfig } from './config.js';

/** Opens where objects live. S3 credentials come from the AWS client's own chain. */
export async function openStore(config: StoreConfig): Promise<ObjectStore> {
  if (config.kind === 'file') return createFileStore({ root: config.root });
  const { bucket, endpoint, region, prefix, forcePathStyle } = config;
  return createS3Store({ bucket, region, prefix, forcePathStyle, ...(endpoint && { endpoint }) });
}
