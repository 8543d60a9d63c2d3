import { type AppError, type Problem, problems } from '@scion/contracts';

/** Where a problem is explained; resolves against this API's own origin. */
export const problemType = (code: string): string => `/problems/${code}`;

/** RFC 9457 section 3. */
export function problemDocument(
  error: AppError,
  { requestId, instance }: { requestId: string; instance: string },
): Problem {
  const own: Problem = {
    type: problemType(error.code),
    title: problems[error.code].title,
    status: error.status,
    detail: error.detail,
    instance,
    code: error.code,
    requestId,
    ...(error.errors.length > 0 && { errors: error.errors }),
  };
  // Twice, so that our members stand first and yet no extension overwrites one.
  return { ...own, ...error.extensions, ...own };
}
