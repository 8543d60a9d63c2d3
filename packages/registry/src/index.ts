/** Owns tenants, keys, tasks, examples, versions, aliases and job records; refuses to train, queue or speak HTTP. */

export type { Audits, KeyIdentity, Keys, QuotaLevel, Tenants, UsageCounts, Usages } from './accounts.js';
export type { Events, Webhooks, WebhookToSend } from './announcements.js';
export { createRegistry, type RegistryOptions } from './create-registry.js';
export { generationKey } from './indexes.js';
export { objectKeys } from './keys.js';
export type { PageRequest } from './page-request.js';
export type {
  AliasSwitch,
  EncodedVersion,
  Examples,
  JobFilter,
  JobOutcome,
  JobPatch,
  JobRef,
  Jobs,
  Models,
  RebuildReport,
  Registry,
  Tasks,
} from './registry.js';
export type { ErasureRequest, Rebind, Users } from './whole-users.js';
