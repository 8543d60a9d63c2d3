import fc from 'fast-check';
import t from 'tap';
import { type CsvRecord, readCsv } from './csv.js';

async function* pieces(text: string, size: number) {
  const chars = [...text];
  for (let at = 0; at < chars.length; at += size) yield chars.slice(at, at + size).join('');
}

async function read(text: string, separator?: '\t', size = 7): Promise<CsvRecord[]> {
  const records: CsvRecord[] = [];
  for await (const record of readCsv(pieces(text, size), separator)) records.push(record);
  return records;
}

const quote = (field: string): string =>
  /[",;\n\r]/.test(field) || field === '' ? `"${field.replaceAll('"', '""')}"` : field;

t.test('what was written by the rules is read back, wherever the text is cut', async (t) => {
  const field = fc.string({ unit: fc.constantFrom('a', 'é', '🌱', ' ', '"', ',', '\n', '\r', '\r\n', ';') });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(field, { minLength: 1, maxLength: 4 }), { maxLength: 6 }),
      fc.constantFrom(',', ';'),
      fc.constantFrom('\n', '\r\n', '\r'),
      fc.integer({ min: 1, max: 9 }),
      async (body, separator, end, size) => {
        const rows = [['user', 'in;put', 'la,bel'], ...body];
        const text = rows.map((row) => row.map(quote).join(separator) + end).join('');
        const records = await read(text, undefined, size);
        t.strictSame(
          records.map(({ fields }) => fields),
          rows,
        );
        t.ok(records.every(({ problem }) => problem === undefined));
      },
    ),
    { numRuns: 200 },
  );
});

t.test('a record knows the line it begins on', async (t) => {
  const records = await read('\ufeffa,b\r\n\r\n"x\ny",2\n3,4');
  t.strictSame(records, [
    { line: 1, fields: ['a', 'b'], separator: ',' },
    { line: 3, fields: ['x\ny', '2'], separator: ',' },
    { line: 5, fields: ['3', '4'], separator: ',' },
  ]);
});

t.test('a fault is told in its record, and reading goes on', async (t) => {
  const [first, second, third] = await read('"a"b,1\nc,2\n"never closed\n');
  t.match(first, { line: 1, problem: /follows a closing quote/ });
  t.strictSame(second, { line: 2, fields: ['c', '2'], separator: ',' });
  t.match(third, { line: 3, problem: /ends inside a quoted field/ });
});

t.test('a quote that never ends does not fill the memory', async (t) => {
  const [record] = await read(`"${'x'.repeat(1_100_000)}`, undefined, 100_000);
  t.match(record?.problem, /longer than/);
  t.ok((record?.fields[0]?.length ?? 0) < 200_000);
});

t.test('separators without end do not fill the memory, and reading goes on behind them', async (t) => {
  const [, long, next] = await read(`a,b\n${','.repeat(1_100_000)}\nc,d\n`, undefined, 100_000);
  t.match(long, { line: 2, problem: /longer than/ });
  t.ok(long!.fields.length < 10);
  t.strictSame(next, { line: 3, fields: ['c', 'd'], separator: ',' });
});

t.test('tabs part fields where they are said to, and commas and semicolons then do not', async (t) => {
  t.strictSame((await read('a;b\tc,d\n', '\t'))[0]?.fields, ['a;b', 'c,d']);
});
