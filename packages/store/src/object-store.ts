/** What a store tells of an object without its bytes. */
export interface ObjectInfo {
  key: string;
  bytes: number;
  /** Opaque; differs from the etag of the different bytes that it replaced. Compare it only within one store. */
  etag: string;
  /** RFC 3339, UTC, with milliseconds; as precise as the store keeps it (S3: whole seconds). */
  modifiedAt: string;
}

export interface StoredObject extends ObjectInfo {
  body: Uint8Array;
}

export interface PageOptions {
  /** Exclusive: the page begins behind this key (of `children`: behind this name). Need not exist. */
  after?: string;
  /** Entries at most in the page: 1 to 1000, default 1000. */
  limit?: number;
}

export interface ObjectPage {
  objects: ObjectInfo[];
  /** The `after` of the next page; null behind the last one. */
  next: string | null;
}

export interface ChildPage {
  names: string[];
  next: string | null;
}

/**
 * Bytes by key. Keys are as `checkKey` (keys.ts) says; a store that cannot be reached, is full or refuses the
 * credentials throws AppError `not_ready`. A reader sees an object whole, as of one write, or not at all.
 */
export interface ObjectStore {
  get(key: string): Promise<StoredObject | undefined>;
  head(key: string): Promise<ObjectInfo | undefined>;
  /** Writes or replaces atomically; durable on return. The bytes must not change until then. */
  put(key: string, body: Uint8Array): Promise<ObjectInfo>;
  /** Creates if absent, durable on return; undefined, and nothing changed, when the object exists. */
  create(key: string, body: Uint8Array): Promise<ObjectInfo | undefined>;
  /** Idempotent: deleting what does not exist succeeds. */
  delete(key: string): Promise<void>;
  /**
   * Objects whose key starts with `prefix` (any string, not only whole segments), in the byte order of UTF-8. What is
   * written or deleted meanwhile may or may not appear; everything else appears exactly once.
   */
  list(prefix: string, page?: PageOptions): Promise<ObjectPage>;
  /**
   * The folders directly below `prefix` (empty or ending in `/`): the distinct next segments of the keys that go on
   * behind that segment with `/`. Objects that lie directly below `prefix` are not children. Ordered as
   * `<name>/` in the byte order of UTF-8, which is the order of the keys in them.
   */
  children(prefix: string, page?: PageOptions): Promise<ChildPage>;
  close(): Promise<void>;
}

/** Every object below `prefix`, page by page. Deleting what it has yielded disturbs nothing. */
export async function* listAll(store: ObjectStore, prefix: string): AsyncGenerator<ObjectInfo> {
  let after: string | undefined;
  for (;;) {
    const page = await store.list(prefix, after === undefined ? {} : { after });
    yield* page.objects;
    if (page.next === null) return;
    after = page.next;
  }
}
