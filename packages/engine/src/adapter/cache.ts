import { AppError, type CacheState, type ModelRef } from '@scion/contracts';
import { LRUCache } from 'lru-cache';
import type { ResidentAdapter } from './decode.js';

/** One version's artifact: what it is of, and the hash its bytes must have. */
export interface AdapterKey extends ModelRef {
  version: number;
  adapterSha256: string;
}

/** A pin on a resident adapter. */
export interface AdapterLease {
  adapter: ResidentAdapter;
  /** Idempotent. After it the adapter may be evicted; what holds the object meanwhile keeps a whole one. */
  release(): void;
}

export interface AdapterCache {
  /**
   * The adapter, loaded if need be, pinned until released. Concurrent misses of one key load once. Where everything
   * resident is pinned and it does not fit, it waits its turn for pins to go; a caller must therefore not wait for one
   * lease while it holds another.
   * An artifact that was refused is refused again for `refusedForMs` without being loaded.
   * @throws AppError overloaded when `maxWaiting` callers wait already; whatever the load throws
   */
  acquire(key: AdapterKey): Promise<AdapterLease>;
  /** Keeps an adapter that will be asked for soon, or loads it if there is room without waiting. Never rejects. */
  prefetch(key: AdapterKey): Promise<void>;
  /** Drops every version of a model: unpinned ones now, pinned ones on release, loads under way on arrival. */
  evict(ref: ModelRef): void;
  /** The same of every model. */
  evictAll(): void;
  state(): CacheState;
  /** Bytes in memory by tenant. */
  bytesByTenant(): Map<string, number>;
}

export interface AdapterCacheOptions {
  /** Bytes of all resident adapters together, pinned ones included, are never more than this. */
  budgetBytes: number;
  /** Fetches and decodes. What it holds meanwhile is not counted: an adapter is resident once it is decoded. */
  load(key: AdapterKey): Promise<ResidentAdapter>;
  maxWaiting?: number;
  /** How long a refusal (artifact_invalid, base_mismatch) is remembered. Default 5 s. */
  refusedForMs?: number;
  /** Told how long each load took that gave an adapter, in seconds. */
  onLoaded?: ((seconds: number) => void) | undefined;
}

interface Entry {
  id: string;
  key: AdapterKey;
  adapter: ResidentAdapter;
  pins: number;
  /** Evicted while pinned: goes when the last pin does, and is not handed out again. */
  doomed: boolean;
}

/** One load and those who wait for it. */
interface Flight {
  id: string;
  key: AdapterKey;
  /** How many wait for it, callers and hints: each gets a pin at the moment the entry is admitted. */
  passengers: number;
  /** A caller is among them. What only a hint asked for does not wait for room. */
  called: boolean;
  /** Evicted while loading: its passengers get it, and nobody else. */
  doomed: boolean;
}

interface Waiter {
  flight: Flight;
  adapter: ResidentAdapter;
  admitted(entry: Entry): void;
}

/** Refusals remembered: some hundred bytes each. */
const REFUSALS = 10_000;
/** Load times that quantiles are taken of. */
const TIMED_LOADS = 512;

/** Of a listing: operators look at the hottest, and the state is polled. */
const LISTED = 100;

/**
 * Adapters by bytes, least recently used out first. Unpinned entries live in an LRUCache; pinned ones are kept outside
 * of it, where it cannot evict them, and are counted beside it.
 */
export function createAdapterCache({
  budgetBytes,
  load,
  maxWaiting = 1_000,
  refusedForMs = 5_000,
  onLoaded,
}: AdapterCacheOptions): AdapterCache {
  const idle = new LRUCache<string, Entry>({
    maxSize: budgetBytes,
    sizeCalculation: ({ adapter }) => adapter.bytes,
  });
  const pinned = new Map<string, Entry>();
  /** Evicted while pinned, hence no longer to be found, yet resident. */
  const doomed = new Set<Entry>();
  const flights = new Map<string, { flight: Flight; landed: Promise<Entry> }>();
  const waiting: Waiter[] = [];
  let pinnedBytes = 0;
  const refusals = new LRUCache<string, AppError>({ max: REFUSALS, ttl: refusedForMs });
  const counters = { hits: 0, misses: 0, loads: 0, evictions: 0, refusals: 0 };
  const loadMs: number[] = [];
  /** Loads that gave an adapter; `counters.loads` counts those begun. */
  let landed = 0;

  /** Makes room and takes the adapter in, pinned by its passengers; or leaves everything as it is. */
  const admit = (flight: Flight, adapter: ResidentAdapter): Entry | undefined => {
    if (pinnedBytes + adapter.bytes > budgetBytes) return undefined;
    while (pinnedBytes + idle.calculatedSize + adapter.bytes > budgetBytes) {
      idle.pop();
      counters.evictions += 1;
    }
    const { id, key, passengers, doomed: late } = flight;
    const entry: Entry = { id, key, adapter, pins: passengers, doomed: late };
    pinnedBytes += adapter.bytes;
    if (late) {
      doomed.add(entry);
    } else {
      pinned.set(id, entry);
      flights.delete(id);
    }
    return entry;
  };

  /** First come, first admitted: small adapters must not keep a large one out for ever. */
  const admitWaiting = () => {
    for (let entry: Entry | undefined; waiting.length > 0; waiting.shift()!.admitted(entry)) {
      entry = admit(waiting[0].flight, waiting[0].adapter);
      if (entry === undefined) return;
    }
  };

  const unpin = (entry: Entry) => {
    entry.pins -= 1;
    if (entry.pins > 0) return;
    pinnedBytes -= entry.adapter.bytes;
    if (entry.doomed) {
      doomed.delete(entry);
    } else {
      pinned.delete(entry.id);
      idle.set(entry.id, entry);
    }
    admitWaiting();
  };

  const lease = (entry: Entry): AdapterLease => {
    let held = true;
    return {
      adapter: entry.adapter,
      release() {
        if (!held) return;
        held = false;
        unpin(entry);
      },
    };
  };

  const fly = async (flight: Flight): Promise<Entry> => {
    counters.loads += 1;
    const startedAt = performance.now();
    const adapter = await load(flight.key);
    const ms = performance.now() - startedAt;
    loadMs[landed % TIMED_LOADS] = ms;
    landed += 1;
    onLoaded?.(ms / 1_000);
    if (adapter.bytes > budgetBytes)
      throw new AppError(
        'internal',
        `The model (${adapter.bytes} bytes) is larger than the adapter cache (${budgetBytes} bytes); enlarge it.`,
      );
    const entry = waiting.length === 0 ? admit(flight, adapter) : undefined;
    if (entry !== undefined) return entry;
    if (!flight.called || waiting.length >= maxWaiting) {
      // At once: a caller who comes next must not join what is over.
      if (flights.get(flight.id)?.flight === flight) flights.delete(flight.id);
      throw new AppError('overloaded', 'Every cached model is in use; try again shortly.', {
        retryAfterSeconds: 1,
      });
    }
    return new Promise((admitted) => waiting.push({ flight, adapter, admitted }));
  };

  const takeOff = (id: string, key: AdapterKey) => {
    const flight: Flight = { id, key, passengers: 0, called: false, doomed: false };
    const landed = fly(flight);
    const known = { flight, landed };
    flights.set(id, known);
    // A failed load is forgotten, and the next caller tries again; bytes that were refused are what they are.
    landed.catch((error: unknown) => {
      if (flights.get(id) !== known) return;
      flights.delete(id);
      if (error instanceof AppError && refusing.has(error.code)) refusals.set(id, error);
    });
    return known;
  };

  /** To its load, under way or begun now. */
  const board = (id: string, key: AdapterKey) => {
    counters.misses += 1;
    const known = flights.get(id) ?? takeOff(id, key);
    known.flight.passengers += 1;
    return known;
  };

  /** Drops what stands under ids that begin so. */
  const forget = (prefix: string) => {
    for (const id of [...refusals.keys()]) if (id.startsWith(prefix)) refusals.delete(id);
    for (const id of [...idle.keys()])
      if (id.startsWith(prefix)) {
        idle.delete(id);
        counters.evictions += 1;
      }
    for (const [id, entry] of pinned)
      if (id.startsWith(prefix)) {
        entry.doomed = true;
        pinned.delete(id);
        doomed.add(entry);
        counters.evictions += 1;
      }
    for (const [id, { flight }] of flights)
      if (id.startsWith(prefix)) {
        flight.doomed = true;
        flights.delete(id);
      }
  };

  return {
    async acquire(key) {
      const id = idOf(key);
      const refused = refusals.get(id);
      if (refused) {
        counters.refusals += 1;
        throw refused;
      }
      const entry = pinned.get(id) ?? idle.get(id);
      if (entry === undefined) {
        const { flight, landed } = board(id, key);
        flight.called = true;
        return lease(await landed);
      }
      counters.hits += 1;
      if (entry.pins === 0) {
        idle.delete(id);
        pinned.set(id, entry);
        pinnedBytes += entry.adapter.bytes;
      }
      entry.pins += 1;
      return lease(entry);
    },

    async prefetch(key) {
      const id = idOf(key);
      // To look at an idle one is to use it: it will be asked for soon.
      if (pinned.has(id) || idle.get(id) || flights.has(id) || waiting.length > 0 || refusals.has(id)) return;
      await board(id, key).landed.then(unpin, () => {});
    },

    evict: (ref) => forget(modelPrefix(ref)),
    evictAll: () => forget(''),

    bytesByTenant() {
      const sums = new Map<string, number>();
      for (const { key, adapter } of [...pinned.values(), ...doomed, ...idle.values()]) {
        sums.set(key.tenantId, (sums.get(key.tenantId) ?? 0) + adapter.bytes);
      }
      return sums;
    },

    state() {
      const all = [...pinned.values(), ...doomed, ...idle.values()];
      const tenants = new Map<string, { bytes: number; entries: number }>();
      for (const { key, adapter } of all) {
        const sum = tenants.get(key.tenantId) ?? { bytes: 0, entries: 0 };
        tenants.set(key.tenantId, { bytes: sum.bytes + adapter.bytes, entries: sum.entries + 1 });
      }
      return {
        bytes: pinnedBytes + idle.calculatedSize,
        budgetBytes,
        entries: pinned.size + doomed.size + idle.size,
        ...counters,
        loadP50Ms: quantile(loadMs, 0.5),
        loadP99Ms: quantile(loadMs, 0.99),
        resident: all.slice(0, LISTED).map(listed),
        coldest: all.slice(-LISTED).reverse().map(listed),
        tenants: [...tenants].map(([tenantId, sums]) => ({ tenantId, ...sums })),
      };
    },
  };
}

const listed = ({ key: { tenantId, task, user, version }, adapter: { bytes } }: Entry) => ({
  ...{ tenantId, task, user },
  ...{ version, bytes },
});

/** What no second load of the same bytes can change. */
const refusing = new Set(['artifact_invalid', 'base_mismatch']);

function quantile(values: number[], q: number): number | null {
  const sorted = values.filter((value) => value !== undefined).sort((a, b) => a - b);
  return sorted[Math.ceil(q * sorted.length) - 1] ?? null;
}

/** JSON of the names, open at the end: no other model's id begins so. */
function modelPrefix({ tenantId, task, user }: ModelRef): string {
  return `${JSON.stringify([tenantId, task, user])}`;
}

function idOf(key: AdapterKey): string {
  return `${modelPrefix(key)}${key.version}:${key.adapterSha256}`;
}
