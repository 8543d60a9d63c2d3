import { AppError } from '@scion/contracts/errors';
import { isScionError } from '@scion/sdk';
import { type ExitName, exitCodes } from './exit-codes.js';
import { UserError } from './user-error.js';

/** A failure in the words of the person at the terminal. */
export interface Failure {
  exit: ExitName;
  message: string;
  hint?: string | undefined;
  /** Further lines, one for each faulty field. */
  lines: string[];
  code?: string | undefined;
  requestId?: string | undefined;
}

/** What the operating system says about files and sockets, and what each means here. */
const systemErrors: Record<string, string> = {
  EACCES: 'may not be read or written by this user',
  EPERM: 'may not be changed by this user',
  ENOENT: 'does not exist',
  EISDIR: 'is a folder, not a file',
  ENOTDIR: 'is a file, not a folder',
  ENOSPC: 'has no space left on its disk',
  EROFS: 'is on a disk that can only be read',
};

/** Undefined for what nobody at the terminal can put right: a defect, to be shown with its stack. */
export function failureOf(error: unknown): Failure | undefined {
  if (error instanceof UserError)
    return { exit: error.exit, message: error.message, hint: error.hint, lines: [] };
  if (isScionError(error)) {
    const { code, title, detail, status, requestId, errors, retryAfterSeconds } = error;
    const exit: ExitName =
      code === 'unexpected_response'
        ? 'usage'
        : status === 401 || status === 403
          ? 'denied'
          : status === undefined || status === 429 || status >= 500
            ? 'unavailable'
            : 'refused';
    return {
      exit,
      message: `${title}: ${detail}`,
      hint: retryAfterSeconds === undefined ? hints[code] : `again in ${retryAfterSeconds} s`,
      lines: errors.map(({ path, message }) => `${path}: ${message}`),
      code,
      requestId,
    };
  }
  if (error instanceof AppError)
    return {
      exit: error.status >= 500 ? 'unavailable' : 'refused',
      message: error.detail,
      lines: [],
      code: error.code,
    };
  // Named by the engine, which is only loaded by the commands that need it.
  if (error instanceof Error && error.name === 'BaseError')
    return { exit: 'usage', message: error.message, lines: [] };
  const { code, path, syscall } = error as NodeJS.ErrnoException;
  // What stands where a folder was to be made is no folder: one would have done.
  const name = code === 'EEXIST' && syscall === 'mkdir' ? 'ENOTDIR' : code;
  const said = name === undefined ? undefined : systemErrors[name];
  if (said !== undefined && path !== undefined)
    return { exit: 'usage', message: `${path} ${said}`, lines: [] };
  return undefined;
}

const hints: Record<string, string> = {
  network_error: 'is it running? scion up starts it, scion doctor looks closer',
  unauthenticated: 'set SCION_API_KEY, or give --key; scion key create makes one',
  task_not_found: 'scion task list shows them, scion task put creates one',
  user_not_found: 'send examples first: scion examples import',
  user_exists: 'scion erase <user> erases it; scion import --user <id> imports under another id',
  model_not_trained: 'scion train <task> <user> trains it',
  too_few_examples: 'send more with scion examples import',
};

export const exitCodeOf = ({ exit }: Pick<Failure, 'exit'>): number => exitCodes[exit].code;
