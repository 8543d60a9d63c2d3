import { AppError } from '@scion/contracts';
import t from 'tap';
import { failureOf, isRetryable, loggedError } from './failure.js';

const fewer = new AppError('too_few_examples', 'Training needs 3 more examples.', {
  extensions: { missing: { 'a private label': 3 } },
});

t.test('a job record shows the public words of an error and nothing of an unknown one', async (t) => {
  t.same(failureOf(fewer), { code: 'too_few_examples', detail: 'Training needs 3 more examples.' });
  const failure = failureOf(new Error('ECONNREFUSED 10.0.0.8, while training on "private text"'));
  t.equal(failure.code, 'internal');
  t.notMatch(failure.detail, /10\.0\.0\.8|private/);
});

t.test('bad data is never retried; what may pass by itself is', async (t) => {
  t.notOk(isRetryable(fewer));
  t.ok(isRetryable(new AppError('training_failed', 'x')));
  t.ok(isRetryable(new Error('the connection was reset')));
});

t.test('labels stay out of the log', async (t) => {
  t.notMatch(JSON.stringify(loggedError(fewer)), 'private');
  t.match(loggedError(fewer), { code: 'too_few_examples' });
  const cause = new Error('the disk is full');
  t.equal(loggedError(new AppError('internal', 'x', { cause })).err, cause);
  t.equal(loggedError(cause).err, cause);
});
