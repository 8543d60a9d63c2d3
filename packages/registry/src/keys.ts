import type { ModelRef } from '@scion/contracts';
import { escapeSegment, unescapeSegment } from './escape.js';

/**
 * Every object key of Scion. Ids and task names are safe as they are; user ids are escaped. All that is known of a user
 * stands under `userPrefix`, so erasing and exporting one are prefix operations. docs/adr/0002 explains the layout.
 */
const digits = (value: number, width: number): string => String(value).padStart(width, '0');

const tenantPrefix = (tenantId: string): string => `tenants/${tenantId}/`;
const userPrefix = (tenantId: string, user: string): string =>
  `${tenantPrefix(tenantId)}users/${escapeSegment(user)}/`;
const modelPrefix = (ref: ModelRef): string => `${userPrefix(ref.tenantId, ref.user)}${ref.task}/`;
const webhookPrefix = (tenantId: string, webhookId: string): string =>
  `${tenantPrefix(tenantId)}webhooks/${webhookId}/`;
const versionPrefix = (ref: ModelRef, version: number): string =>
  `${modelPrefix(ref)}versions/${digits(version, 8)}/`;

export const objectKeys = {
  keysPrefix: 'keys/',
  key: (keyId: string) => `keys/${keyId}.json`,
  /** When a key was last used, to an hour. Apart from the key, which is written by people only. */
  keyUse: (keyId: string) => `key-uses/${keyId}.json`,
  tenantsPrefix: 'tenants/',
  tenantPrefix,
  tenant: (tenantId: string) => `${tenantPrefix(tenantId)}tenant.json`,
  tasksPrefix: (tenantId: string) => `${tenantPrefix(tenantId)}tasks/`,
  task: (tenantId: string, task: string) => `${tenantPrefix(tenantId)}tasks/${task}.json`,
  /** Of null: what operators did to the deployment itself. */
  auditPrefix: (tenantId: string | null) =>
    tenantId === null ? 'deployment/audit/' : `${tenantPrefix(tenantId)}audit/`,
  usagePrefix: (tenantId: string) => `${tenantPrefix(tenantId)}usage/`,
  usage: (tenantId: string, day: string) => `${tenantPrefix(tenantId)}usage/${day}.json`,
  webhooksPrefix: (tenantId: string) => `${tenantPrefix(tenantId)}webhooks/`,
  webhookPrefix,
  webhook: (tenantId: string, webhookId: string) => `${webhookPrefix(tenantId, webhookId)}webhook.json`,
  deliveriesPrefix: (tenantId: string, webhookId: string) =>
    `${webhookPrefix(tenantId, webhookId)}deliveries/`,
  delivery: (tenantId: string, webhookId: string, deliveryId: string) =>
    `${webhookPrefix(tenantId, webhookId)}deliveries/${deliveryId}.json`,
  /** An event about no user. */
  eventsPrefix: (tenantId: string) => `${tenantPrefix(tenantId)}events/`,
  event: (tenantId: string, eventId: string) => `${tenantPrefix(tenantId)}events/${eventId}.json`,
  /** Says for good that a job was erased, without the user's name. */
  erasedJob: (tenantId: string, jobId: string) => `${tenantPrefix(tenantId)}erased-jobs/${jobId}.json`,
  /** What is left of an erasure: that it happened. */
  erasuresPrefix: (tenantId: string) => `${tenantPrefix(tenantId)}erasures/`,
  erasure: (tenantId: string, erasureId: string) => `${tenantPrefix(tenantId)}erasures/${erasureId}.json`,
  signingKey: 'deployment/signing-key.json',
  usersPrefix: (tenantId: string) => `${tenantPrefix(tenantId)}users/`,
  userPrefix,
  /** Beside the folders of the user's tasks; a task name holds no dot. */
  erasing: (tenantId: string, user: string) => `${userPrefix(tenantId, user)}erasing.json`,
  /** That a user is being imported, likewise. */
  importing: (tenantId: string, user: string) => `${userPrefix(tenantId, user)}importing.json`,
  modelPrefix,
  segmentsPrefix: (ref: ModelRef) => `${modelPrefix(ref)}examples/`,
  segment: (ref: ModelRef, segmentId: string) => `${modelPrefix(ref)}examples/${segmentId}.ndjson`,
  versionsPrefix: (ref: ModelRef) => `${modelPrefix(ref)}versions/`,
  adapter: (ref: ModelRef, version: number) => `${versionPrefix(ref, version)}adapter.safetensors`,
  card: (ref: ModelRef, version: number) => `${versionPrefix(ref, version)}card.json`,
  /** Beside adapter and card, so that one listing tells all of a version. */
  pin: (ref: ModelRef, version: number) => `${versionPrefix(ref, version)}pin.json`,
  /** What the next training goes on from, kept while the version is live. */
  warmStart: (ref: ModelRef, version: number) => `${versionPrefix(ref, version)}warm-start.safetensors`,
  livePrefix: (ref: ModelRef) => `${modelPrefix(ref)}live/`,
  live: (ref: ModelRef, seq: number) => `${modelPrefix(ref)}live/${digits(seq, 16)}.json`,
  modelEvent: (ref: ModelRef, eventId: string) => `${modelPrefix(ref)}events/${eventId}.json`,
  job: (ref: ModelRef, jobId: string) => `${modelPrefix(ref)}jobs/${jobId}.json`,
  jobEvents: (ref: ModelRef, jobId: string) => `${modelPrefix(ref)}jobs/${jobId}.events.ndjson`,
  jobCancel: (ref: ModelRef, jobId: string) => `${modelPrefix(ref)}jobs/${jobId}.cancel.json`,
  jobCheckpoint: (ref: ModelRef, jobId: string) => `${modelPrefix(ref)}jobs/${jobId}.checkpoint.safetensors`,
  jobPause: (ref: ModelRef, jobId: string) => `${modelPrefix(ref)}jobs/${jobId}.pause.json`,
} as const;

/** The job whose record, events or cancel mark stands under this key. */
export const jobOfKey = (key: string): string | undefined =>
  /\/jobs\/(job_[a-z0-9]+)\.[a-z.]+$/.exec(key)?.[1];

/** The event that stands under this key of a model. */
export const eventOfKey = (key: string): string | undefined =>
  /\/events\/(evt_[a-z0-9]+)\.json$/.exec(key)?.[1];

/** What stands under `users/` of a tenant, as far as indexes care. */
export interface UserObject {
  ref: ModelRef;
  /** Set when the key is that of a job record. */
  jobId: string | undefined;
  /** Set when it is that of an event. */
  eventId: string | undefined;
}

// The user's pieces end in `!` before each `/` but the last; see escapeSegment.
const userObjectPattern = /^tenants\/([^/]+)\/users\/((?:[^/]*!\/)*[^/]*[^/!])\/([^/]+)\/(.+)$/;

/** Reads a key below `usersPrefix`; undefined for one that Scion did not write. */
export function parseUserObject(key: string): UserObject | undefined {
  const [, tenantId, escapedUser, task, rest] = userObjectPattern.exec(key) ?? [];
  if (tenantId === undefined || escapedUser === undefined || task === undefined) return undefined;
  const user = unescapeSegment(escapedUser);
  if (user === undefined) return undefined;
  return {
    ref: { tenantId, task, user },
    jobId: /^jobs\/([a-z0-9_]+)\.json$/.exec(rest ?? '')?.[1],
    eventId: /^events\/([a-z0-9_]+)\.json$/.exec(rest ?? '')?.[1],
  };
}

/** The user whose import is marked under this key. */
export function importOfKey(key: string): string | undefined {
  const [, escaped] = /^tenants\/[^/]+\/users\/((?:[^/]*!\/)*[^/]*[^/!])\/importing\.json$/.exec(key) ?? [];
  return escaped === undefined ? undefined : unescapeSegment(escaped);
}

/** The last segment of a key without its extension. */
export function baseName(key: string): string {
  const name = key.slice(key.lastIndexOf('/') + 1);
  const dot = name.indexOf('.');
  return dot < 0 ? name : name.slice(0, dot);
}
