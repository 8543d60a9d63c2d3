import { AppError, limits, type ModelRef } from '@scion/contracts';
import { isWellFormed } from './text.js';

/**
 * Refuses a user id that cannot be kept: longer than 256 bytes of UTF-8, `.` or `..` (which URL parsers resolve away,
 * so that half of all clients could never name that user), or not Unicode.
 *
 * @param path where it stood in the request, e.g. `path/user`
 */
export function checkUserId(user: string, path: string): void {
  const message = faultOf(user);
  if (message) {
    throw new AppError('invalid_request', `${path} ${message}`, { errors: [{ path, message }] });
  }
}

function faultOf(user: string): string | undefined {
  if (user === '') return 'must not be empty';
  if (user === '.' || user === '..') {
    return 'must be neither "." nor "..", which URL parsers resolve away; add a prefix of your own';
  }
  if (!isWellFormed(user)) return 'must be Unicode text, without unpaired surrogates';
  const bytes = Buffer.byteLength(user);
  if (bytes > limits.userBytes) {
    return `must have at most ${limits.userBytes} bytes in UTF-8, and has ${bytes}; send a hash of it`;
  }
  return undefined;
}

/** The model that a path of a tenant names. */
export function modelRef(tenantId: string, { task, user }: { task: string; user: string }): ModelRef {
  checkUserId(user, 'path/user');
  return { tenantId, task, user };
}
