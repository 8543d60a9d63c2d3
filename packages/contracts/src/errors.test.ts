import t from 'tap';
import { AppError, type ProblemCode, problems } from './index.js';

const rows = Object.entries(problems);

t.test('every problem has an error status, a title and a remedy', async (t) => {
  for (const [code, { status, title, remedy }] of rows) {
    t.match(code, /^[a-z]+(_[a-z]+)*$/, `${code} can stand in a URL as it is`);
    t.ok(Number.isInteger(status) && status >= 400 && status <= 599, `${code} has an HTTP error status`);
    t.ok(title.length > 0 && !title.endsWith('.'), `${code} has a title`);
    t.match(remedy, /\.$/, `${code} says in a sentence what to do`);
  }
});

t.test('what a caller sent wrong is never retryable', async (t) => {
  // Nothing is wrong with a repeated call whose first is still being answered; the status is the Idempotency-Key draft's.
  // Nor with one that meets an import.
  const notWrong: ProblemCode[] = ['idempotency_in_progress', 'user_importing'];
  for (const code of Object.keys(problems) as ProblemCode[]) {
    const { status, retryable } = new AppError(code, 'x');
    if (retryable && !notWrong.includes(code))
      t.ok(status === 429 || status >= 500, `${code} may pass by itself`);
  }
});

t.test('an error carries its code, its public detail and a private cause', async (t) => {
  const cause = new Error('the disk');
  const error = new AppError('internal', 'try again', { cause, retryAfterSeconds: 3 });
  t.equal(error.status, 500);
  t.equal(error.cause, cause);
  t.equal(error.retryAfterSeconds, 3);
  t.same(error.errors, []);
  t.same(error.extensions, {});
  t.notMatch(error.message, /disk/, 'the cause stays out of the message');
});
