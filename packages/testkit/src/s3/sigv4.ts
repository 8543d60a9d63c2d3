import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { S3Refusal } from './refusal.js';

export interface SignedRequest {
  method: string;
  /** As sent: path and query, still percent-encoded. */
  target: string;
  /** Lower-case names. */
  headers: Record<string, string | undefined>;
}

export interface Signer {
  accessKeyId: string;
  secretAccessKey: string;
  region: string;
}

const algorithm = 'AWS4-HMAC-SHA256';
const allowedSkewMs = 15 * 60 * 1000;

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

/** RFC 3986: only unreserved characters stay. */
export const encodeUri = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/**
 * Throws unless the Authorization header is a valid Signature Version 4 of the request. Written from the specification,
 * not from the SDK's signer, so that a mistake of one does not cancel out in the other:
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
export function verifySignature(request: SignedRequest, signer: Signer, nowMs: number): void {
  const header = request.headers.authorization;
  if (!header) throw new S3Refusal(403, 'AccessDenied', 'anonymous requests are refused');
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/,]+)\/(\d{8})\/([^/,]+)\/([^/,]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      header,
    );
  if (!match) throw new S3Refusal(400, 'AuthorizationHeaderMalformed', 'not a Signature Version 4 header');
  const [, accessKeyId, date, region, service, names, signature] = match as unknown as string[];
  if (accessKeyId !== signer.accessKeyId)
    throw new S3Refusal(403, 'InvalidAccessKeyId', 'unknown access key');
  if (region !== signer.region || service !== 's3') {
    throw new S3Refusal(400, 'AuthorizationHeaderMalformed', `the scope must be ${signer.region}/s3`);
  }

  const sentAt = request.headers['x-amz-date'] ?? '';
  const sentMs = Date.parse(
    sentAt.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'),
  );
  if (!sentAt.startsWith(date!) || !(Math.abs(sentMs - nowMs) <= allowedSkewMs)) {
    throw new S3Refusal(403, 'RequestTimeTooSkewed', 'x-amz-date must be within 15 minutes of now');
  }

  const signed = names!.split(';');
  const mustBeSigned = Object.keys(request.headers).filter(
    (name) => name === 'host' || name.startsWith('x-amz-'),
  );
  const unsigned = mustBeSigned.find((name) => !signed.includes(name));
  if (unsigned) throw new S3Refusal(403, 'AccessDenied', `the header ${unsigned} is not signed`);
  if (!request.headers['x-amz-content-sha256']) {
    throw new S3Refusal(400, 'InvalidRequest', 'x-amz-content-sha256 is missing');
  }

  const computed = signatureOf(
    request,
    { names: names!, date: date!, region: region! },
    signer.secretAccessKey,
  );
  if (!timingSafeEqual(Buffer.from(computed, 'hex'), Buffer.from(signature!, 'hex'))) {
    throw new S3Refusal(403, 'SignatureDoesNotMatch', 'the signature differs from the one computed');
  }
}

/** The signature, as hex, over the headers that `names` lists in alphabetical order, joined by `;`. */
export function signatureOf(
  request: SignedRequest,
  scope: { names: string; date: string; region: string },
  secretAccessKey: string,
): string {
  const [path = '', query = ''] = request.target.split('?');
  const canonicalRequest = [
    request.method,
    path
      .split('/')
      .map((segment) => encodeUri(decodeURIComponent(segment)))
      .join('/'),
    canonicalQuery(query),
    ...scope.names
      .split(';')
      .map((name) => `${name}:${(request.headers[name] ?? '').trim().replace(/ +/g, ' ')}`),
    '',
    scope.names,
    request.headers['x-amz-content-sha256'],
  ].join('\n');
  const steps = [scope.date, scope.region, 's3', 'aws4_request'];
  const toSign = [algorithm, request.headers['x-amz-date'], steps.join('/'), sha256(canonicalRequest)].join(
    '\n',
  );
  const key = steps.reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
  return hmac(key, toSign).toString('hex');
}

function canonicalQuery(query: string): string {
  if (query === '') return '';
  return query
    .split('&')
    .map((pair) => pair.split('='))
    .map(([name = '', value = '']) =>
      [name, value].map((part) => encodeUri(decodeURIComponent(part))).join('='),
    )
    .sort((a, b) => (a < b ? -1 : 1))
    .join('&');
}
