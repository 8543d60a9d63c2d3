/** Owns bytes by key on disk, in S3 and in memory; refuses to know what the bytes mean. */
export { createFileStore, type FileStoreOptions } from './file/file-store.js';
export { checkKey, compareKeys, maxKeyBytes, maxPageSize } from './keys.js';
export { createMemoryStore } from './memory-store.js';
export {
  type ChildPage,
  listAll,
  type ObjectInfo,
  type ObjectPage,
  type ObjectStore,
  type PageOptions,
  type StoredObject,
} from './object-store.js';
export { openStore, type StoreSettings } from './open-store.js';
export { createS3Store } from './s3/create-s3-store.js';
export type { S3Store, S3StoreOptions } from './s3/options.js';
export { createTurns } from './turns.js';
