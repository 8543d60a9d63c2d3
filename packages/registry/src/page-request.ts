/** Which page of a list: `cursor` is the `nextCursor` of the page before, `limit` is 1 to 100 (100 when left out). */
export interface PageRequest {
  cursor?: string | undefined;
  limit?: number | undefined;
}
