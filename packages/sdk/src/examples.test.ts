import type { ServerResponse } from 'node:http';
import t from 'tap';
import { problem, startServer } from './testing/server.js';

t.test('an export yields each line as an example, wherever the network cuts it', async (t) => {
  const rows = [
    { id: 'a', input: 'Größe', label: 'x', weight: 1, createdAt: '2026-01-01T00:00:00.000Z' },
    { id: 'b', input: 'line\nbreak', label: 'y', weight: 2, createdAt: '2026-01-01T00:00:00.000Z' },
  ];
  const bytes = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const server = await startServer(async (response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    // Byte by byte: a letter of two bytes is cut, too.
    for (const byte of bytes) {
      response.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    response.end();
  });
  t.teardown(server.close);
  const got = [];
  for await (const example of server.client().examples.export('mail', 'a/b')) got.push(example);
  t.strictSame(got, rows);
  t.equal(server.seen[0]?.url, '/v1/tasks/mail/users/a%2Fb/examples/export');
});

t.test('an export that is cut anywhere rejects with network_error, after what came whole', async (t) => {
  const lines = '{"id":"a"}\n{"id":"b"}\n';
  const breaks: Record<string, (response: ServerResponse) => void> = {
    'the connection breaks': (response) => response.write(lines, () => response.destroy()),
    // As a proxy does that lost the service and ends the answer properly.
    'a line is cut quietly': (response) => response.end(`${lines}{"id":`),
  };
  for (const [how, cut] of Object.entries(breaks)) {
    const server = await startServer((response) => {
      cut(response.writeHead(200, { 'content-type': 'application/x-ndjson' }));
    });
    const got: string[] = [];
    const reading = async () => {
      for await (const { id } of server.client().examples.export('mail', 'ada')) got.push(id);
    };
    await t.rejects(reading(), { name: 'ScionError', code: 'network_error' }, how);
    t.strictSame(got, ['a', 'b'], how);
    await server.close();
  }
});

t.test('an export of something else rejects, and so does one whose signal fires', async (t) => {
  const controller = new AbortController();
  const server = await startServer((response, _seen, index) => {
    response.write(index === 0 ? '<h1>\n' : '{"id":"a"}\n');
  });
  t.teardown(server.close);
  const first = server.client().examples.export('mail', 'ada');
  await t.rejects(first.next(), { code: 'unexpected_response', status: 200 });
  const second = server.client().examples.export('mail', 'ada', { signal: controller.signal });
  await second.next();
  controller.abort(new Error('enough'));
  await t.rejects(second.next(), { message: 'enough' });
});

t.test('an export that is refused rejects with the problem', async (t) => {
  const server = await startServer((response) => problem(response, 404, 'task_not_found'));
  t.teardown(server.close);
  await t.rejects(server.client().examples.export('none', 'ada').next(), { code: 'task_not_found' });
});

t.test('deleting an example names it in the path', async (t) => {
  const server = await startServer((response) => {
    response.writeHead(204);
    response.end();
  });
  t.teardown(server.close);
  t.equal(await server.client().examples.delete('mail', 'ada', 'x y'), undefined);
  t.match(server.seen[0], { method: 'DELETE', url: '/v1/tasks/mail/users/ada/examples/x%20y' });
});
