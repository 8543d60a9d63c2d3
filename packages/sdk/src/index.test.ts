import t from 'tap';
import { createClient, isFinished, isScionError, ScionError } from './index.js';

t.test('the package root exports what callers need', async (t) => {
  const client = createClient({ baseUrl: 'http://localhost', apiKey: 'scion_x' });
  t.strictSame(Object.keys(client).sort(), [
    'audit',
    'examples',
    'jobs',
    'keys',
    'models',
    'predict',
    'predictUsers',
    'session',
    'system',
    'tasks',
    'tenants',
    'usage',
    'users',
    'webhooks',
    'withTenant',
  ]);
  t.ok(isFinished('cancelled'));
  t.notOk(isFinished('running'));
  t.notOk(isScionError(new Error('x')));
  const error = new ScionError({ code: 'timeout', title: 'a', detail: 'b' });
  t.ok(isScionError(error, 'timeout'));
  t.notOk(isScionError(error, 'internal'));
});

t.test('the client imports nothing but the event-stream parser', async (t) => {
  const { readdir, readFile } = await import('node:fs/promises');
  const root = new URL('.', import.meta.url);
  const imported = new Set<string>();
  for (const name of await readdir(root, { recursive: true })) {
    if (!name.endsWith('.js') || name.endsWith('.test.js') || /^(testing|local)/.test(name)) continue;
    const text = await readFile(new URL(name, root), 'utf8');
    for (const [, from] of text.matchAll(/from '([^.'][^']*)'/g)) imported.add(from!);
  }
  t.strictSame([...imported], ['eventsource-parser']);
});
