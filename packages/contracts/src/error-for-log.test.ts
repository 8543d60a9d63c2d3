import { open, rename } from 'node:fs/promises';
import t from 'tap';
import { AppError, errorForLog } from './index.js';

t.test('an error is told with its causes, and by nothing that a client put on it', async (t) => {
  const refused = Object.assign(new Error('OOM command not allowed'), {
    command: { name: 'zadd', args: ['users', 'ada'] },
  });
  const error = new AppError('internal', 'A record cannot be kept.', {
    cause: new TypeError('not kept', { cause: refused }),
    extensions: { missing: { 'a private label': 3 } },
  });
  const told = errorForLog(error);
  t.match(told, {
    ...{ type: 'AppError', code: 'internal', message: /A record cannot be kept/, stack: /error-for-log/ },
    cause: { type: 'TypeError', message: 'not kept', cause: { message: 'OOM command not allowed' } },
  });
  t.notMatch(JSON.stringify(told), /ada|private/);
});

t.test('a path is cut wherever the system quotes it', async (t) => {
  const from = '/nowhere/users/ada/inbox';
  for (const failing of [open(from), rename(from, '/nowhere/users/ada/sent')]) {
    const error = await failing.catch((cause: Error) => cause);
    if (!(error instanceof Error)) return t.fail('nothing failed');
    t.match(error.message, 'ada');
    const told = errorForLog(new Error('not read', { cause: error }));
    t.match(told.cause, { code: 'ENOENT', message: /^ENOENT: no such file or directory, (open|rename) …/ });
    t.notMatch(JSON.stringify(told), 'ada');
  }
});

t.test('messages that quote what was sent or stored are told without it', async (t) => {
  const messages = [
    "ERR unknown command 'hello', with args beginning with: '3' 'AUTH' 'default' 'sesame' ",
    'not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::scion/tenants/t/users/sesame/x" because',
  ];
  for (const text of ['sesame', '{"input":"a rather long text with the word sesame","label":open}']) {
    try {
      JSON.parse(text);
    } catch (error) {
      messages.push((error as Error).message);
    }
  }
  t.equal(messages.length, 4);
  for (const message of messages) {
    t.match(message, /sesame|label/);
    t.notMatch(JSON.stringify(errorForLog(new SyntaxError(message))), /sesame|label/);
  }
});

t.test('what is no error is not told, and a ring of causes ends', async (t) => {
  t.same(errorForLog('sesame'), { type: 'string', message: 'something was thrown that is no error' });
  const ring = new Error('ring');
  ring.cause = ring;
  t.doesNotThrow(() => JSON.stringify(errorForLog(ring)));
});
