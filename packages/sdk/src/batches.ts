/** Half of what the service reads of one request, so that what surrounds the rows fits as well. */
const bytesPerRequest = 4 * 1024 * 1024;

const utf8 = new TextEncoder();

/** Cuts rows, in their order, into requests of at most `most` rows that the service does not find too large. */
export function* batches<T>(rows: readonly T[], most: number): Generator<T[], void> {
  let batch: T[] = [];
  let bytes = 0;
  for (const row of rows) {
    const size = utf8.encode(JSON.stringify(row)).length;
    if (batch.length > 0 && (batch.length >= most || bytes + size > bytesPerRequest)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(row);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
