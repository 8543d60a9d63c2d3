import { AppError } from '@scion/contracts';

interface S3Failure {
  name?: string;
  code?: string;
  $metadata?: { httpStatusCode?: number };
  cause?: unknown;
}

/**
 * What the store answered; undefined where no answer came, or not all of it. The SDK notes a status then, too, but a 404
 * alone does not tell an absent object from an absent bucket.
 */
export function statusOf(error: unknown): number | undefined {
  const { name, code, $metadata } = error as S3Failure;
  return name === 'TimeoutError' || code === 'ECONNRESET' ? undefined : $metadata?.httpStatusCode;
}
export const nameOf = (error: unknown) => (error as S3Failure).name;

const expired = 'The credentials for the object store have expired or are not valid any more: renew them';
const full = 'The object store is full, or its quota is used up: free space or raise the quota';

/** By the code that S3 and the stores that speak it give; what a status of its own says needs none. */
const remedies: Record<string, string> = {
  NoSuchBucket: 'The bucket of the object store does not exist: create it or correct its name',
  PermanentRedirect: 'The bucket lies in another region: correct the region or the endpoint',
  AuthorizationHeaderMalformed: 'The bucket lies in another region: correct the region or the endpoint',
  RequestTimeTooSkewed: 'This machine’s clock differs from the object store’s: correct it',
  CredentialsProviderError: 'There are no credentials for the object store: set them in the environment',
  ExpiredToken: expired,
  InvalidToken: expired,
  TokenRefreshRequired: expired,
  // Ceph, MinIO and RustFS.
  QuotaExceeded: full,
  XMinioAdminBucketQuotaExceeded: full,
  XMinioStorageFull: full,
  XRustfsQuotaExceeded: full,
};

/** What S3 or the network answered, as the catalogue says it. The SDK's error stays in the cause. */
export function toAppError(cause: unknown): unknown {
  if (cause instanceof AppError || cause instanceof TypeError || cause instanceof RangeError) return cause;
  const status = statusOf(cause);
  const remedy = remedies[nameOf(cause) ?? ''];
  if (remedy) return new AppError('not_ready', remedy, { cause });
  if (status === undefined) {
    return new AppError('not_ready', 'The object store cannot be reached', { cause });
  }
  // The answer to a HEAD holds no code. The driver's own are well-formed: S3 says 400 where a token has expired.
  const unnamed = status === 400 && nameOf(cause) === 'Unknown';
  if (status === 401 || status === 403 || unnamed) {
    return new AppError(
      'not_ready',
      'The object store refuses the credentials: check them and their rights',
      {
        cause,
      },
    );
  }
  if (status === 429 || status >= 500) {
    return new AppError('not_ready', 'The object store is busy or out of order', { cause });
  }
  return new AppError('internal', 'The object store refused a request', { cause });
}
