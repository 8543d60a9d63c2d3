import { AppError } from '@scion/contracts';
import type { App } from '../server.js';

/** JSON in UTF-8 is the only body that every route reads. */
export function addBodyParsers(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (_request: unknown, body: Buffer) => parseJson(body),
  );
}

function parseJson(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new AppError('malformed_json', 'The body is not UTF-8.');
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AppError('malformed_json', `The body is not JSON${whereItStopped(error)}.`);
  }
}

/** The position from V8's message, whose other words may quote the body. */
export function whereItStopped(error: unknown): string {
  const message = error instanceof Error ? error.message : '';
  const [, position] = /at position (\d+)/.exec(message) ?? [];
  if (position) return `: it stops making sense at character ${position}`;
  return message.includes('Unexpected end') ? ': it ends too early' : '';
}
