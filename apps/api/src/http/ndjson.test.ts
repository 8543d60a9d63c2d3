import { Readable } from 'node:stream';
import { AppError } from '@scion/contracts';
import fc from 'fast-check';
import t from 'tap';
import { readNdjson } from './ndjson.js';

const limits = { bytes: 10_000, lineBytes: 1_000, rows: 100 };

/** The bytes as they may arrive: cut anywhere, also within a character. */
const arriving = (bytes: Buffer, cuts: number[]): Readable => {
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  const parts = [0, ...at].map((start, index) => bytes.subarray(start, at[index] ?? bytes.length));
  return Readable.from(parts, { objectMode: false });
};
const row = fc.record({
  input: fc.string({ unit: 'grapheme', maxLength: 20 }),
  label: fc.string({ maxLength: 5 }),
});

t.test('rows come out as they went in, however the body is cut', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { maxLength: 20 }),
      fc.array(fc.nat(), { maxLength: 10 }),
      fc.constantFrom('\n', '\r\n', '\n\n'),
      fc.boolean(),
      async (rows, cuts, ending, ended) => {
        const text = rows.map((one) => JSON.stringify(one)).join(ending) + (ended ? ending : '');
        const { rows: read } = await readNdjson(arriving(Buffer.from(text), cuts), limits);
        t.strictSame(
          read.map(({ value }) => value),
          JSON.parse(JSON.stringify(rows)),
        );
      },
    ),
    { numRuns: 100 },
  );
});

t.test('the line of a fault is the line in the file, blank ones counted', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('{}', '', '  ', '1'), { maxLength: 20 }),
      fc.array(fc.nat(), { maxLength: 5 }),
      async (before, cuts) => {
        const body = Buffer.from([...before, '{"a":', '{}'].join('\n'));
        const error = await readNdjson(arriving(body, cuts), limits).catch((reason: unknown) => reason);
        t.ok(error instanceof AppError && error.code === 'malformed_ndjson');
        t.equal((error as AppError).errors[0]?.path, `line ${before.length + 1}`);
      },
    ),
    { numRuns: 50 },
  );
});

t.test('a body without end is refused at the limit, not held', async (t) => {
  let sent = 0;
  const endless = Readable.from(
    (function* () {
      for (;;) {
        sent += 1_000;
        yield Buffer.alloc(1_000, 0x20);
      }
    })(),
    { objectMode: false, highWaterMark: 1_000 },
  );
  await t.rejects(readNdjson(endless, { ...limits, lineBytes: 1_000_000 }), { code: 'payload_too_large' });
  t.ok(sent < 20_000, `${sent} bytes were read`);
  t.notOk(endless.destroyed, 'the connection is left to carry the answer');
  endless.destroy();
});

t.test('one row too many is refused at its line', async (t) => {
  const body = Readable.from([Buffer.from('{}\n'.repeat(limits.rows + 1))], { objectMode: false });
  await t.rejects(readNdjson(body, limits), {
    code: 'too_many_rows',
    errors: [{ path: `line ${limits.rows + 1}` }],
  });
});
