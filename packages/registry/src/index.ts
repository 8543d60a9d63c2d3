/** Owns tenants, keys, tasks, examples, versions, aliases and job records; refuses to train, queue or speak HTTP. */

export { createRegistry, type RegistryOptions } from './create-registry.js';
export { objectKeys } from './keys.js';
export type {
  AliasSwitch,
  Audits,
  EncodedVersion,
  ErasureRequest,
  Events,
  Examples,
  JobFilter,
  JobOutcome,
  JobPatch,
  JobRef,
  Jobs,
  KeyIdentity,
  Keys,
  Models,
  PageRequest,
  QuotaLevel,
  Rebind,
  RebuildReport,
  Registry,
  Tasks,
  Tenants,
  UsageCounts,
  Usages,
  Users,
  Webhooks,
  WebhookToSend,
} from './registry.js';
