import type { S3Store, S3StoreOptions } from './options.js';

/**
 * Objects in a bucket of any S3 API. Rejects with AppError `not_ready` when the store or the bucket cannot be reached.
 * The SDK is loaded here and not before, as a service on the file store never needs its tens of megabytes.
 */
export async function createS3Store(options: S3StoreOptions): Promise<S3Store> {
  const { openS3Store } = await import('./s3-store.js');
  return openS3Store(options);
}
