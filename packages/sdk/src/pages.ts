import type { Page } from '@scion/contracts';

/** The members of a query, each of which may also be undefined: callers pass on what they may not have. */
export type Query<T> = { [K in keyof T]?: T[K] | undefined };

/** Which page of a list: `cursor` is `nextCursor` of the page before; `limit` is at most 100. */
export interface PageOptions {
  cursor?: string | undefined;
  limit?: number | undefined;
}

/** Await it for one page, or iterate it with `for await` over every row of every page from there on. */
export type PagePromise<T> = Promise<Page<T>> & AsyncIterable<T>;

/** Starts with the page at `cursor`; further pages are fetched only as the iteration reaches them. */
export function paged<T>(
  fetchPage: (cursor: string | undefined) => Promise<Page<T>>,
  cursor: string | undefined,
): PagePromise<T> {
  const first = fetchPage(cursor);
  return Object.assign(first, {
    async *[Symbol.asyncIterator]() {
      let page = await first;
      for (;;) {
        yield* page.data;
        if (page.nextCursor === null) return;
        page = await fetchPage(page.nextCursor);
      }
    },
  });
}
