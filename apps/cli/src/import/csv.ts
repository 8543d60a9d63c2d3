export type Separator = ',' | ';' | '\t';

/** One record of a CSV file. */
export interface CsvRecord {
  /** Where it begins, counted from 1. */
  line: number;
  fields: string[];
  /** What parts them; undefined before the first separator of a file where none is given. */
  separator: Separator | undefined;
  /** What is wrong with it, where something is; its fields are then not to be used. */
  problem?: string;
}

/** A record that never ends must not fill the memory. */
export const longestRecordChars = 1024 * 1024;

/**
 * Reads CSV (RFC 4180): quoted fields may hold separators, line ends and doubled quotes; lines end in LF, CRLF or CR;
 * empty lines are skipped. A fault is told in its record, and reading goes on behind it. Where no separator is given it
 * is the first comma or semicolon outside quotes, which the header has: a spreadsheet writes semicolons where decimals
 * have commas.
 */
export async function* readCsv(
  chunks: AsyncIterable<string>,
  separator?: Separator,
): AsyncGenerator<CsvRecord> {
  let field = '';
  let fields: string[] = [];
  let state: 'start' | 'plain' | 'quoted' | 'after-quote' = 'start';
  let line = 1;
  let startLine = 1;
  let size = 0;
  let problem: string | undefined;
  let afterReturn = false;
  let first = true;

  const endField = () => {
    fields.push(field);
    field = '';
    state = 'start';
  };
  function* endRecord(): Generator<CsvRecord> {
    const empty = fields.length === 0 && field === '' && state === 'start' && problem === undefined;
    if (!empty) {
      endField();
      yield { line: startLine, fields, separator, ...(problem !== undefined && { problem }) };
    }
    fields = [];
    state = 'start';
    size = 0;
    problem = undefined;
  }

  for await (const chunk of chunks) {
    for (const char of first ? chunk.replace(/^\ufeff/, '') : chunk) {
      first = false;
      const joined = afterReturn && char === '\n';
      afterReturn = char === '\r';
      if (joined) {
        // The second half of CRLF. Inside quotes it belongs to the text.
        if (state === 'quoted') field += char;
        continue;
      }
      size += char.length;
      if (size > longestRecordChars) {
        problem ??= `it is longer than ${longestRecordChars} characters; is a quote never closed?`;
        field = '';
        fields.length = 0;
      }
      if (state === 'quoted') {
        if (char === '"') state = 'after-quote';
        else field += char;
        if (char === '\n' || char === '\r') line += 1;
      } else if (char === '\n' || char === '\r') {
        yield* endRecord();
        line += 1;
        startLine = line;
      } else if (char === separator || (separator === undefined && (char === ',' || char === ';'))) {
        separator = char;
        endField();
      } else if (char === '"' && state === 'start') state = 'quoted';
      else if (char === '"' && state === 'after-quote') {
        field += char;
        state = 'quoted';
      } else {
        if (state === 'after-quote')
          problem ??= 'text follows a closing quote; double the quotes inside a field';
        else state = 'plain';
        field += char;
      }
    }
  }
  if ((state as string) === 'quoted') problem ??= 'the file ends inside a quoted field';
  yield* endRecord();
}
