import { S3 } from '@aws-sdk/client-s3';
import type { S3StoreOptions } from './options.js';

export const defaultMaxAttempts = 4;
export const defaultTimeoutMs = 60_000;
const connectTimeoutMs = 5_000;
const sockets = 64;

/** The SDK's client as the driver uses it. */
export function createS3Client(options: S3StoreOptions): S3 {
  const { endpoint, credentials, maxAttempts = defaultMaxAttempts, timeoutMs = defaultTimeoutMs } = options;
  const region = options.region ?? (endpoint ? 'us-east-1' : undefined);
  return new S3({
    ...(endpoint && { endpoint }),
    ...(region && { region }),
    ...(credentials && { credentials }),
    forcePathStyle: options.forcePathStyle ?? endpoint !== undefined,
    maxAttempts,
    retryMode: 'standard',
    // The driver gives and checks checksums itself: the SDK's defaults trip stores that do not know its algorithms.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: Math.min(timeoutMs, connectTimeoutMs),
      requestTimeout: timeoutMs,
      throwOnRequestTimeout: true,
      // The one above ends with an answer's headers. This one is of silence, and goes on to the end of the body.
      socketTimeout: timeoutMs,
      httpAgent: { keepAlive: true, maxSockets: sockets },
      httpsAgent: { keepAlive: true, maxSockets: sockets },
    },
  });
}
