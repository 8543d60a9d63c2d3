import type { PageRequest } from '@scion/registry';

/** All rows of a list that comes in pages. */
export async function* everyRow<T>(
  list: (page: PageRequest) => Promise<{ data: T[]; nextCursor: string | null }>,
) {
  let cursor: string | null = null;
  do {
    const page: { data: T[]; nextCursor: string | null } = await list(cursor === null ? {} : { cursor });
    yield* page.data;
    cursor = page.nextCursor;
  } while (cursor !== null);
}
