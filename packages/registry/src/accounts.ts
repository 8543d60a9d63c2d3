/** What is kept of tenants themselves: who they are, what they may do, what they used, what was done. */
import type {
  AuditEntry,
  AuditQuery,
  Key,
  KeyCreate,
  KeyCreated,
  ModelRef,
  Page,
  Quotas,
  Tenant,
  TenantCreate,
  UsageDay,
} from '@scion/contracts';
import type { PageRequest } from './page-request.js';

export interface Tenants {
  create(input: TenantCreate): Promise<Tenant>;
  /** Replaces all that is said of a tenant. Throws tenant_not_found. */
  put(tenantId: string, input: TenantCreate): Promise<Tenant>;
  /** Throws tenant_not_found. Cached like a task. */
  get(tenantId: string): Promise<Tenant>;
  list(page?: PageRequest): Promise<Page<Tenant>>;
}

/** A key without what is looked up apart. */
export type KeyIdentity = Omit<Key, 'lastUsedAt'>;

/** API keys. `tenantId` null stands for the operator, whose keys no tenant sees. */
export interface Keys {
  create(tenantId: string | null, input: KeyCreate): Promise<KeyCreated>;
  /**
   * The key of a secret, or undefined when the secret is unknown, deleted or expired. A deleted key stops working at
   * once in every process that hears the invalidation, and within 10 s in one that does not.
   */
  verify(secret: string): Promise<KeyIdentity | undefined>;
  /** The key of this id, by the same rules; for sessions, which were begun with its secret. */
  active(keyId: string): Promise<KeyIdentity | undefined>;
  list(tenantId: string | null, page?: PageRequest): Promise<Page<Key>>;
  /** Throws key_not_found, also for a key of another tenant. */
  get(tenantId: string | null, keyId: string): Promise<Key>;
  /**
   * Makes a key like another one, which expires after the overlap. Repeated after a death it makes one more; what was
   * made before works for nobody, since its secret is unknown. Throws key_not_found, key_replaced.
   */
  rotate(tenantId: string | null, keyId: string, options: { overlapSeconds: number }): Promise<KeyCreated>;
  /** Throws key_not_found, also for a key of another tenant. */
  delete(tenantId: string | null, keyId: string): Promise<void>;
  /**
   * Makes sure that an operator key with all scopes exists. With a secret (`scion_` and at least 32 letters, digits,
   * `-` or `_`) it is that one; without, the first call makes one and is the only call that returns its secret.
   */
  ensureOperatorKey(secret?: string): Promise<{ key: KeyIdentity; secret: string | null }>;
}

export interface Audits {
  append(entry: Omit<AuditEntry, 'id' | 'at'>): Promise<AuditEntry>;
  /** Newest first; of null, what concerns no tenant. A page may be short, as with models. */
  list(tenantId: string | null, filter?: AuditQuery): Promise<Page<AuditEntry>>;
}

/** What a tenant has now of all that quotas limit, but for the rows it predicts. */
export interface UsageLevels {
  users: number;
  /** Null while nobody has limited them: they are counted only then. */
  examples: number | null;
  /** As measured last, and what was added since. */
  storageBytes: number;
  /** Created since the start of the day, UTC. */
  jobsPerDay: number;
  /** Queued, paused and running. */
  openJobs: number;
}

/** A quota, and what is left of it when a call that was admitted has done its work. */
export interface QuotaLevel {
  quota: keyof Quotas;
  limit: number;
  remaining: number;
  /** Seconds until it is whole again, where time alone does that. */
  resetSeconds?: number;
}

/** What was counted of a day between two losses of Redis; days are sums of these. */
export type UsageCounts = Pick<UsageDay, 'predictRows' | 'trainingSeconds' | 'cacheByteHours'>;

export interface Usages {
  levels(tenantId: string): Promise<UsageLevels>;
  // Each returns what is left of the quotas it asked; nothing where there are none.
  /** Throws quota_users when the user is new and one too many. */
  admitUser(who: Pick<ModelRef, 'tenantId' | 'user'>): Promise<QuotaLevel[]>;
  /**
   * Throws quota_examples when so many more would be too many. `exactly` is asked only where `atMost` would not fit. The
   * first call for a tenant with such a quota, since Redis was last lost, counts what each of its users keeps.
   */
  admitExamples(tenantId: string, atMost: number, exactly?: () => Promise<number>): Promise<QuotaLevel[]>;
  /** Throws quota_storage when so many bytes more would be too many. */
  admitBytes(tenantId: string, bytes: number): Promise<QuotaLevel[]>;
  /** Throws quota_jobs_per_day (with the time to wait), quota_open_jobs. */
  admitJob(tenantId: string): Promise<QuotaLevel[]>;
  /** Sums what is stored of a tenant's users, keeps it as the day's figure, and counts on from there. */
  measure(tenantId: string): Promise<number>;
  /** Keeps the counts of a day. `epoch` names what counted them: what it said before is replaced. */
  keep(tenantId: string, day: string, epoch: string, counts: UsageCounts): Promise<void>;
  /** From the first day to the last (`YYYY-MM-DD`), newest first; `live` is newer than what is kept of its epoch. */
  days(
    tenantId: string,
    range: { from: string; to: string },
    live: { day: string; epoch: string; counts: UsageCounts }[],
  ): Promise<UsageDay[]>;
}
