import type { Clock } from '@scion/contracts';
import type { ObjectStore } from '../object-store.js';

export interface S3StoreOptions {
  bucket: string;
  /** Of a store other than AWS, e.g. `http://localhost:9000`. */
  endpoint?: string;
  /** Default: the AWS environment's, and `us-east-1` where an endpoint is given. */
  region?: string;
  /** Shares a bucket: everything lives below `<prefix>/`. At most 63 bytes, without a leading slash. */
  prefix?: string;
  /** Bucket in the path instead of the host name; default true where an endpoint is given. */
  forcePathStyle?: boolean;
  /** Default: the AWS environment's chain (variables, shared files, container or instance role). */
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** Of one request, the first included, with exponential backoff between them; default 4. */
  maxAttempts?: number;
  /**
   * Milliseconds until an attempt's answer begins, of silence within it, and for the whole body of an object; default
   * 60,000, enough for 40 MB at 6 Mbit/s.
   */
  timeoutMs?: number;
  /** Whether the store honours `If-None-Match: *` on PUT; default: a probe at creation finds out. */
  conditionalPut?: boolean;
  /** Stamps what `put` and `create` return, as S3 does not tell; default the system's clock. */
  clock?: Clock;
}

export interface S3Store extends ObjectStore {
  /**
   * Whether `create` is atomic among all writers. Where false it is so within this process only: two processes that
   * create one key at the same moment may both believe they did, and the later one's bytes stay.
   */
  readonly conditionalPut: boolean;
}
