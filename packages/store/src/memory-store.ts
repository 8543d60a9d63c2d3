import { createHash } from 'node:crypto';
import { type Clock, timestamp } from '@scion/contracts';
import { checkFolder, checkKey, checkLimit, checkPrefix, compareKeys } from './keys.js';
import type { ObjectInfo, ObjectStore, StoredObject } from './object-store.js';

/** A store that forgets: for tests and experiments. Takes and hands out copies, as a real store would. */
export function createMemoryStore(options: { clock?: Clock } = {}): ObjectStore {
  const clock = options.clock ?? Date.now;
  const objects = new Map<string, StoredObject>();
  /** The keys of `objects` in their order. */
  const sorted: string[] = [];

  /** Where a key stands among them, or would. */
  function placeOf(key: string): number {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys(sorted[middle]!, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  const infoOf = ({ body: _, ...info }: StoredObject): ObjectInfo => info;

  const write = (key: string, body: Uint8Array): ObjectInfo => {
    const copy = Uint8Array.from(body);
    const etag = `"${createHash('sha256').update(copy).digest('hex').slice(0, 32)}"`;
    const object = { key, bytes: copy.length, etag, modifiedAt: timestamp(clock), body: copy };
    if (!objects.has(key)) sorted.splice(placeOf(key), 0, key);
    objects.set(key, object);
    return infoOf(object);
  };

  /** The keys behind `from`, that one excluded. */
  function* keysBehind(from: string, inclusive: boolean): Generator<string> {
    const place = placeOf(from);
    const first = !inclusive && sorted[place] === from ? place + 1 : place;
    for (let i = first; i < sorted.length; i++) yield sorted[i]!;
  }

  return {
    async get(key) {
      checkKey(key);
      const object = objects.get(key);
      return object && { ...object, body: Uint8Array.from(object.body) };
    },
    async head(key) {
      checkKey(key);
      const object = objects.get(key);
      return object && infoOf(object);
    },
    async put(key, body) {
      checkKey(key);
      return write(key, body);
    },
    async create(key, body) {
      checkKey(key);
      return objects.has(key) ? undefined : write(key, body);
    },
    async delete(key) {
      checkKey(key);
      if (objects.delete(key)) sorted.splice(placeOf(key), 1);
    },
    async list(prefix, { after, limit } = {}) {
      checkPrefix(prefix);
      const most = checkLimit(limit);
      const behind = after !== undefined && compareKeys(after, prefix) >= 0;
      const page: ObjectInfo[] = [];
      for (const key of keysBehind(behind ? after : prefix, !behind)) {
        if (!key.startsWith(prefix)) break;
        if (page.length === most) return { objects: page, next: page[most - 1]!.key };
        page.push(infoOf(objects.get(key)!));
      }
      return { objects: page, next: null };
    },
    async children(prefix, { after, limit } = {}) {
      checkFolder(prefix);
      const most = checkLimit(limit);
      const names: string[] = [];
      for (const key of keysBehind(prefix, true)) {
        if (!key.startsWith(prefix)) break;
        const slash = key.indexOf('/', prefix.length);
        if (slash === -1) continue;
        const name = key.slice(prefix.length, slash);
        if (name === names.at(-1)) continue;
        if (after !== undefined && compareKeys(`${name}/`, `${after}/`) <= 0) continue;
        if (names.length === most) return { names, next: names[most - 1]! };
        names.push(name);
      }
      return { names, next: null };
    },
    async close() {},
  };
}
