import { appendFileSync, renameSync, statSync } from 'node:fs';

/** Of each of the two files of a log. */
const maxBytes = 10 * 2 ** 20;

/**
 * Answers what appends to a log: once it is full it becomes `<path>.1`, in the place of the one before. What cannot be written is
 * dropped, and `onError` told the first time: whoever writes to a log must not stop for want of it.
 */
export function openChildLog(path: string, onError: (error: Error) => void): (part: Buffer) => void {
  let bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  let failed = false;
  return (part) => {
    try {
      if (bytes > 0 && bytes + part.length > maxBytes) {
        renameSync(path, `${path}.1`);
        bytes = 0;
      }
      appendFileSync(path, part, { mode: 0o600 });
      bytes += part.length;
    } catch (error) {
      if (!failed) onError(error as Error);
      failed = true;
    }
  };
}
