import t from 'tap';
import { type Mapping, readRows } from './rows.js';

const mapping: Mapping = {
  format: 'csv',
  kind: 'classification',
  input: 'title',
  label: 'verdict',
  userColumn: 'user',
  id: undefined,
  weight: undefined,
  user: undefined,
};

async function read(text: string, changes: Partial<Mapping> = {}) {
  const rows = [];
  for await (const row of readRows(
    (async function* () {
      yield text;
    })(),
    { ...mapping, ...changes },
  ))
    rows.push(row);
  return rows;
}

t.test('columns are mapped by name, and the same text of the same user keeps its id', async (t) => {
  const rows = await read('user,title,verdict\nada,Roses,like\nada,Roses,dislike\nbob,Roses,like\n');
  t.match(rows, [
    { line: 2, user: 'ada', example: { input: 'Roses', label: 'like' } },
    { line: 3, user: 'ada', example: { label: 'dislike' } },
    { line: 4, user: 'bob' },
  ]);
  const ids = rows.map((row) => ('example' in row ? row.example.id : ''));
  t.equal(ids[0], ids[1]);
  t.not(ids[0], ids[2]);
});

t.test('each bad row is told with its line and its reason', async (t) => {
  const rows = await read(
    `user,title,verdict,w\n,a,like,1\nada, ,like,1\nada,a,,1\nada,a,like\n..,a,like,1\nada,a,${'x'.repeat(201)},1\nada,a,like,0\n`,
    { weight: 'w' },
  );
  t.match(rows, [
    { line: 2, reason: /user is no user/ },
    { line: 3, reason: /title is empty/ },
    { line: 4, reason: /verdict is empty/ },
    { line: 5, reason: /3 fields, the header 4/ },
    { line: 6, reason: /user is no user/ },
    { line: 7, reason: /longer than 200/ },
    { line: 8, reason: /w is not a number above 0/ },
  ]);
});

t.test('NDJSON: objects with the same names', async (t) => {
  const text = '{"title":"a","verdict":"like","id":7,"w":2}\n\nnonsense\n[1]\n{"title":"b","verdict":"x"}';
  const rows = await read(text, { format: 'ndjson', user: 'ada', id: 'id', weight: 'w' });
  t.match(rows, [
    { line: 1, user: 'ada', example: { id: '7', weight: 2 } },
    { line: 3, reason: /not JSON/ },
    { line: 4, reason: /not a JSON object/ },
    { line: 5, reason: /id is empty/ },
  ]);
});

t.test('NDJSON: a line that is too long is told, and reading goes on behind it', async (t) => {
  async function* chunks() {
    yield '{"title":"a","verdict":"like"}\n{"title":"';
    for (let at = 0; at < 20; at += 1) yield 'x'.repeat(100_000);
    yield '","verdict":"like"}\n{"title":"b","verdict":"like"}';
  }
  const rows = [];
  for await (const row of readRows(chunks(), { ...mapping, format: 'ndjson', user: 'ada' })) rows.push(row);
  t.match(rows, [
    { line: 1, example: { input: 'a' } },
    { line: 2, reason: /longer than 1048576 characters/ },
    { line: 3, example: { input: 'b' } },
  ]);
});

t.test('a column that is not there is said before any row', async (t) => {
  await t.rejects(read('user,text,verdict\nada,a,like\n'), /no column "title".*--input-column.*"text"/);
});

t.test('a label is what the task’s kind says', async (t) => {
  const file = 'user,title,verdict\nada,a,red| round\nada,b,\nada,c,4.5\nada,d,1e39\n';
  const labels = async (kind: Mapping['kind']) =>
    (await read(file, { kind })).map((row) => ('example' in row ? row.example.label : row.reason));
  t.strictSame(
    await labels('multilabel'),
    [['red', 'round'], [], ['4.5'], ['1e39']],
    'no label at all is an answer',
  );
  const none = 'verdict is not a number from -1e+30 to 1e+30';
  t.strictSame(await labels('regression'), [none, none, 4.5, none]);
  const lists = '{"title":"a","verdict":["x","y"]}\n{"title":"b","verdict":[1]}\n{"title":"c","verdict":3}';
  const rows = await read(lists, { format: 'ndjson', user: 'ada', kind: 'multilabel' });
  t.match(rows, [{ example: { label: ['x', 'y'] } }, { reason: /is empty/ }, { reason: /is empty/ }]);
});

t.test('where semicolons part the columns, numbers have decimal commas or points', async (t) => {
  const changes: Partial<Mapping> = { kind: 'regression', weight: 'w' };
  t.match(
    await read(
      'user;title;verdict;w\nada;Roses;4,5;0,5\nada;Tulips;-2;1\nada;Moss;1.5;2\nada;Ivy;1.234,5;1\nada;Fern;1;1,5,2\n',
      changes,
    ),
    [
      { example: { label: 4.5, weight: 0.5 } },
      { example: { label: -2, weight: 1 } },
      { example: { label: 1.5, weight: 2 } },
      { line: 5, reason: /verdict is not a number/ },
      { line: 6, reason: /w is not a number/ },
    ],
  );
  t.match(
    await read('user,title,verdict,w\nada,Roses,"4,500",1\n', changes),
    [{ line: 2, reason: /verdict is not a number/ }],
    'where commas do, one in a number may part thousands',
  );
});
