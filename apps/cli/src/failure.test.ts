import { AppError } from '@scion/contracts';
import { ScionError } from '@scion/sdk';
import t from 'tap';
import { exitCodeOf, failureOf } from './failure.js';
import { UserError } from './user-error.js';

const scion = (code: string, status?: number) =>
  new ScionError({ code, title: 'T', detail: 'd', ...(status && { status }) });

t.test('every kind of failure has its exit code', async (t) => {
  const table: [unknown, number][] = [
    [new UserError('x'), 2],
    [new UserError('x', { exit: 'denied' }), 4],
    [scion('task_not_found', 404), 3],
    [scion('unauthenticated', 401), 4],
    [scion('scope_missing', 403), 4],
    [scion('overloaded', 429), 5],
    [scion('internal', 500), 5],
    [scion('network_error'), 5],
    [scion('unexpected_response', 200), 2],
    [new AppError('not_ready', 'x'), 5],
    [Object.assign(new Error('x'), { code: 'ENOENT', path: '/x' }), 2],
    [Object.assign(new Error('x'), { code: 'EEXIST', path: '/x', syscall: 'mkdir' }), 2],
  ];
  for (const [error, code] of table) t.equal(exitCodeOf(failureOf(error)!), code, String(error));
});

t.test('a defect is nobody’s mistake, and keeps its stack', async (t) => {
  t.equal(failureOf(new TypeError('x')), undefined);
  t.equal(failureOf(Object.assign(new Error('x'), { code: 'ERR_INVALID_ARG_TYPE' })), undefined);
});
