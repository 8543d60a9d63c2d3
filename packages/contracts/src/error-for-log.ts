/** Causes of causes that are told of. */
const deepest = 5;

/** Where a message quotes what was sent or stored, and with it a secret, an input or a user. */
const quotes: [RegExp, string][] = [
  // Of JSON.parse: `Unexpected token 's', ..."sesame" is not valid JSON`.
  [/, (\.\.\.)?"[\s\S]*"(\.\.\.)? is not valid JSON/, ' in JSON'],
  // Of Redis, to a command that it does not have.
  [/, with args beginning with: .*/, ''],
  // Of S3, whose keys name users.
  [/(arn:[\w-]+:s3:::[^/\s"]+\/)[^\s"]+/g, '$1…'],
];

export interface LoggedError {
  type: string;
  message: string;
  stack?: string | undefined;
  code?: string | number | undefined;
  cause?: LoggedError | undefined;
}

/**
 * How a log tells of an error, and nothing else of it: clients put what they were doing on their errors (ioredis the
 * command, with the password of a refused login; Node the path, with the user's folder; AppError the labels in its extensions).
 */
export function errorForLog(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error))
    return { type: typeof error, message: 'something was thrown that is no error' };
  const { name, message, stack, code, path, dest, cause } = error as NodeJS.ErrnoException & {
    dest?: unknown;
  };
  const plain = (text: string): string => {
    // As Node quotes them: open '/data/…', link '/data/…' -> '/data/…'.
    const paths = [path, dest].filter((one) => typeof one === 'string');
    const pathless = paths.reduce((cut, one) => cut.replaceAll(`'${one}'`, '…'), text);
    return quotes.reduce((cut, [quote, instead]) => cut.replace(quote, instead), pathless);
  };
  return {
    type: name,
    message: plain(message),
    ...(stack !== undefined && { stack: plain(stack) }),
    ...((typeof code === 'string' || typeof code === 'number') && { code }),
    ...(cause !== undefined && depth < deepest && { cause: errorForLog(cause, depth + 1) }),
  };
}
