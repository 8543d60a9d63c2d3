import type { UsageReport } from '@scion/sdk';
import { bytes, count } from '../../format.js';

export type QuotaName = UsageReport['quotas'][number]['name'];

/** As a person calls them, in the order of the editor. */
export const quotaNames: Record<QuotaName, string> = {
  users: 'Users',
  examples: 'Examples in all',
  examplesPerModel: 'Examples a model',
  storageBytes: 'Bytes stored',
  jobsPerDay: 'Jobs a day',
  openJobs: 'Jobs open at once',
  predictRowsPerMinute: 'Rows predicted a minute',
};

export function showQuota(name: QuotaName, value: number): string {
  return name === 'storageBytes' ? bytes(value) : count(value);
}
