import type { ExitName } from './exit-codes.js';

/** Something the person at the terminal can put right: its message says what is wrong, `hint` what to do. */
export class UserError extends Error {
  readonly hint: string | undefined;
  readonly exit: ExitName;

  constructor(message: string, { hint, exit = 'usage' }: { hint?: string; exit?: ExitName } = {}) {
    super(message);
    this.name = 'UserError';
    this.hint = hint;
    this.exit = exit;
  }
}
