import { createHash } from 'node:crypto';
import type { Answer, ExampleInput, TaskKind } from '@scion/contracts';
import { limits } from '@scion/contracts/limits';
import { longestRecordChars, readCsv } from './csv.js';

export interface ImportedRow {
  line: number;
  user: string;
  example: ExampleInput & { id: string };
}

export interface BadRow {
  line: number;
  reason: string;
}

export type Row = ImportedRow | BadRow;

export const isBad = (row: Row): row is BadRow => 'reason' in row;

export interface Mapping {
  format: 'csv' | 'tsv' | 'ndjson';
  /** Of the task: it decides what a label is. */
  kind: TaskKind;
  input: string;
  label: string;
  userColumn: string;
  id: string | undefined;
  weight: string | undefined;
  /** Of every row, where no column says. */
  user: string | undefined;
}

/** The file cannot be read with this mapping at all. */
export class MappingError extends Error {}

/** Rows of a file in their order, good and bad. Throws MappingError when a column is missing. */
export async function* readRows(chunks: AsyncIterable<string>, mapping: Mapping): AsyncGenerator<Row> {
  const records = mapping.format === 'ndjson' ? readNdjson(chunks) : readTable(chunks, mapping);
  for await (const record of records) yield 'reason' in record ? record : toRow(record, mapping);
}

interface Fields {
  line: number;
  values: Readonly<Record<string, unknown>>;
  /** Whether a comma is the decimal point of its numbers. */
  decimalCommas: boolean;
}

async function* readTable(chunks: AsyncIterable<string>, mapping: Mapping): AsyncGenerator<Fields | BadRow> {
  let header: string[] | undefined;
  for await (const { line, fields, separator, problem } of readCsv(
    chunks,
    mapping.format === 'tsv' ? '\t' : undefined,
  )) {
    if (header === undefined) {
      header = fields.map((name) => name.trim());
      requireColumns(header, mapping);
    } else if (problem !== undefined) yield { line, reason: problem };
    else if (fields.length !== header.length)
      yield { line, reason: `it has ${fields.length} fields, the header ${header.length}` };
    else {
      const values = Object.fromEntries(header.map((name, at) => [name, fields[at]]));
      // A spreadsheet writes semicolons where decimals have commas.
      yield { line, values, decimalCommas: separator === ';' };
    }
  }
}

function requireColumns(header: readonly string[], mapping: Mapping): void {
  const needed = [
    ['input', mapping.input],
    ['label', mapping.label],
    ...(mapping.user === undefined ? [['user', mapping.userColumn]] : []),
    ...(mapping.id === undefined ? [] : [['id', mapping.id]]),
    ...(mapping.weight === undefined ? [] : [['weight', mapping.weight]]),
  ] as const;
  for (const [what, name] of needed)
    if (!header.includes(name!))
      throw new MappingError(
        `the file has no column ${JSON.stringify(name)}; name the right one with --${what}-column ` +
          `(its columns: ${header.map((column) => JSON.stringify(column)).join(', ')})`,
      );
}

async function* readNdjson(chunks: AsyncIterable<string>): AsyncGenerator<Fields | BadRow> {
  let rest = '';
  let line = 0;
  const read = (text: string): Fields | BadRow | undefined => {
    line += 1;
    if (text.length > longestRecordChars)
      return { line, reason: `it is longer than ${longestRecordChars} characters` };
    if (text.trim() === '') return undefined;
    try {
      const values: unknown = JSON.parse(line === 1 ? text.replace(/^\ufeff/, '') : text);
      if (typeof values === 'object' && values !== null && !Array.isArray(values))
        return { line, values: values as Record<string, unknown>, decimalCommas: false };
      return { line, reason: 'it is not a JSON object' };
    } catch {
      return { line, reason: 'it is not JSON' };
    }
  };
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n');
    // Of a line that is too long, as much is kept as shows it.
    rest = lines.pop()!.slice(0, longestRecordChars + 1);
    for (const text of lines) {
      const record = read(text);
      if (record) yield record;
    }
  }
  const record = read(rest);
  if (record) yield record;
}

/** What the API would refuse is refused here, with the line that it stands on. */
function toRow({ line, values, decimalCommas }: Fields, mapping: Mapping): Row {
  const numberOf = (text: string): number => Number(decimalCommas ? text.replace(',', '.') : text);
  const bad = (reason: string): BadRow => ({ line, reason });
  const text = (name: string): string | undefined => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined;
  };
  const input = text(mapping.input);
  const label = answerOf(
    Object.hasOwn(values, mapping.label) ? values[mapping.label] : undefined,
    mapping.kind,
    numberOf,
  );
  const user = mapping.user ?? text(mapping.userColumn);
  if (input === undefined || input.trim() === '') return bad(`${mapping.input} is empty`);
  if (input.length > limits.textChars)
    return bad(`${mapping.input} is longer than ${limits.textChars} characters`);
  if (label === undefined)
    return bad(
      mapping.kind === 'regression'
        ? `${mapping.label} is not a number from -${limits.regressionValue} to ${limits.regressionValue}`
        : `${mapping.label} is empty`,
    );
  if ([label].flat().some((one) => typeof one === 'string' && one.length > limits.labelChars))
    return bad(`${mapping.label} is longer than ${limits.labelChars} characters`);
  if (user === undefined || user === '' || user === '.' || user === '..')
    return bad(`${mapping.userColumn} is no user`);
  if (Buffer.byteLength(user) > limits.userBytes)
    return bad(`${mapping.userColumn} is longer than ${limits.userBytes} bytes`);
  const id = mapping.id === undefined ? idOf(user, input) : text(mapping.id);
  if (id === undefined || id === '' || id.length > limits.exampleIdChars)
    return bad(`${mapping.id} is empty or longer than ${limits.exampleIdChars} characters`);
  const weight = mapping.weight === undefined ? undefined : numberOf(text(mapping.weight) ?? '');
  if (weight !== undefined && !(weight > 0 && weight <= 1_000))
    return bad(`${mapping.weight} is not a number above 0, at most 1000`);
  return { line, user, example: { id, input, label, ...(weight !== undefined && { weight }) } };
}

/** The same for the same text of the same user, so that a row sent again is known. */
function idOf(user: string, input: string): string {
  return `import-${createHash('sha256')
    .update(JSON.stringify([user, input]))
    .digest('hex')
    .slice(0, 32)}`;
}

/** A label of the task's kind; undefined when it is none. Several labels in one cell stand between bars: `red|round`. */
function answerOf(value: unknown, kind: TaskKind, numberOf: (text: string) => number): Answer | undefined {
  if (kind === 'regression') {
    const number = typeof value === 'string' && value.trim() !== '' ? numberOf(value) : value;
    return typeof number === 'number' && Math.abs(number) <= limits.regressionValue ? number : undefined;
  }
  if (kind === 'multilabel') {
    if (Array.isArray(value)) return value.every((one) => typeof one === 'string') ? value : undefined;
    if (typeof value !== 'string') return undefined;
    return value.split('|').flatMap((one) => one.trim() || []);
  }
  const label = typeof value === 'number' ? String(value) : value;
  return typeof label === 'string' && label !== '' ? label : undefined;
}
