/** Requests to the store in flight for one caller: enough to hide S3's latency, few enough to leave sockets to others. */
const width = 16;

/** `Promise.all` over `map`, at most 16 at a time; results keep the order of the items. */
export async function mapLimit<T, R>(items: readonly T[], map: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      results[at] = await map(items[at] as T);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  return results;
}
