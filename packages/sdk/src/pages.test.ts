import t from 'tap';
import { json, problem, startServer } from './testing/server.js';

t.test('awaited, a list is one page; iterated, it is every row, fetched as it is reached', async (t) => {
  const server = await startServer((response, seen) => {
    const cursor = Number(new URL(seen.url, 'http://x').searchParams.get('cursor') ?? 0);
    const rows = [cursor, cursor + 1].map((n) => ({ id: `ten_${n}` }));
    json(response, 200, { data: rows, nextCursor: cursor < 4 ? String(cursor + 2) : null });
  });
  t.teardown(server.close);
  const client = server.client();
  t.strictSame(await client.tenants.list({ cursor: '2' }), {
    data: [{ id: 'ten_2' }, { id: 'ten_3' }],
    nextCursor: '4',
  });

  const names: string[] = [];
  for await (const tenant of client.tenants.list()) names.push(tenant.id);
  t.strictSame(names, ['ten_0', 'ten_1', 'ten_2', 'ten_3', 'ten_4', 'ten_5']);

  const before = server.seen.length;
  for await (const tenant of client.tenants.list()) if (tenant.id === 'ten_1') break;
  t.equal(server.seen.length, before + 1, 'a page nobody reaches is not fetched');
});

t.test('a failing page fails the iteration', async (t) => {
  const server = await startServer((response, _seen, index) =>
    index === 0
      ? json(response, 200, { data: [{ id: 'a' }], nextCursor: 'b' })
      : problem(response, 401, 'unauthenticated'),
  );
  t.teardown(server.close);
  const names: string[] = [];
  await t.rejects(
    async () => {
      for await (const key of server.client().keys.list()) names.push(key.id);
    },
    { code: 'unauthenticated' },
  );
  t.strictSame(names, ['a']);
});
