import type { Redis } from 'ioredis';
import type { TrainingPayload } from '../job-table.js';
import { type FairScript, fairScripts } from './scripts.js';

/** What a tenant is given of all workers. */
export interface TenantShare {
  /** Its part is proportional to this, measured in training seconds. Default 1. */
  weight?: number | undefined;
  /** Jobs at once. Left out or null: as many as there are workers. */
  concurrentJobs?: number | null | undefined;
}

/** What a tenant has waiting. */
export interface TenantBacklog {
  tenantId: string;
  waiting: number;
  /** The jobs that came first, one for each priority. */
  firstJobs: string[];
}

export interface Admitted {
  payload: TrainingPayload;
  /** BullMQ keeps this id among the jobs it has given up. */
  dead: boolean;
}

/**
 * Decides which tenant's job goes to BullMQ next: start-time fair queueing (Goyal, Vin, Cheng: SIGCOMM 1996) with
 * several jobs in service at once (Jin, Chase, Kaur: SIGMETRICS 2004). All state is in Redis, shared by all processes.
 */
export interface FairQueue {
  /**
   * Idempotent by job; with `again`, one that is admitted waits again after its end. Without a share the tenant keeps
   * the one it has. Returns whether a slot is free, so that admitting is worth a try.
   */
  enqueue(
    payload: TrainingPayload,
    share: TenantShare | undefined,
    options?: { again?: boolean },
  ): Promise<boolean>;
  /** Takes jobs for every free slot. Each must be handed to BullMQ; one that was not is returned by `tend` later. */
  admit(): Promise<Admitted[]>;
  /** A worker starts the job. False when it has ended already: a leftover that must not run. */
  begin(jobId: string): Promise<boolean>;
  /** The job goes on later; it used this many seconds of a worker. */
  park(jobId: string, seconds: number): Promise<void>;
  /** The job is over; it used this many seconds since it began or was parked. */
  end(jobId: string, seconds: number): Promise<void>;
  withdraw(jobId: string): Promise<'removed' | 'admitted' | 'unknown'>;
  /** Says that a worker lives and how many jobs it runs at once. Returns jobs whose handing over was lost. */
  tend(workerId: string, slots: number): Promise<Admitted[]>;
  retire(workerId: string): Promise<void>;
  /** Jobs that are not admitted. */
  waiting(): Promise<number>;
  /** The tenants that have jobs waiting, those with most first. */
  backlog(): Promise<TenantBacklog[]>;
}

const parse = (entry: string): TrainingPayload => JSON.parse(entry.slice(entry.indexOf('\n') + 1));

export function createFairQueue(options: {
  redis: Redis;
  prefix: string;
  /** Start of BullMQ's keys of the training queue, with the colon. */
  bullKeys: string;
  /** A worker that is silent for this long has no slots any more; a claim is given up after the same time. */
  lifeMs: number;
}): FairQueue {
  const { redis, bullKeys, lifeMs } = options;
  const prefix = `${options.prefix}:fair:`;

  for (const [name, lua] of Object.entries(fairScripts)) {
    redis.defineCommand(`fair:${name}`, { numberOfKeys: 1, lua });
  }
  const commands = redis as unknown as Record<
    `fair:${FairScript}`,
    (...args: (string | number)[]) => Promise<unknown>
  >;
  const run = (name: FairScript, ...args: (string | number)[]): Promise<unknown> =>
    commands[`fair:${name}`](`${prefix}v`, prefix, bullKeys, ...args);

  function admitted(reply: unknown): Admitted[] {
    const fields = reply as [string, string, number][number][];
    const jobs: Admitted[] = [];
    for (let at = 0; at < fields.length; at += 3) {
      jobs.push({ payload: parse(String(fields[at + 1])), dead: fields[at + 2] === 1 });
    }
    return jobs;
  }

  return {
    async enqueue(payload, share, { again = false } = {}) {
      const flow = `${payload.priority === 'bulk' ? 1 : 0}|${payload.tenantId}`;
      const args = [payload.jobId, flow, JSON.stringify(payload), again ? 1 : 0];
      if (share) args.push(String(share.weight ?? 1), String(share.concurrentJobs ?? 0));
      return (await run('enqueue', ...args)) === 1;
    },
    admit: async () => admitted(await run('admit', lifeMs)),
    begin: async (jobId) => (await run('begin', jobId)) === 1,
    async park(jobId, seconds) {
      await run('park', jobId, seconds);
    },
    async end(jobId, seconds) {
      await run('end', jobId, seconds);
    },
    async withdraw(jobId) {
      return (['unknown', 'removed', 'admitted'] as const)[(await run('withdraw', jobId)) as 0 | 1 | 2];
    },
    tend: async (workerId, slots) => admitted(await run('tend', workerId, slots, lifeMs, lifeMs)),
    async retire(workerId) {
      await run('retire', workerId);
    },
    waiting: () => redis.hlen(`${prefix}waiting`),
    async backlog() {
      const fields = (await run('backlog')) as (string | number)[];
      const tenants = new Map<string, TenantBacklog>();
      for (let at = 0; at < fields.length; at += 3) {
        const tenantId = String(fields[at]).slice(2);
        const known = tenants.get(tenantId) ?? { tenantId, waiting: 0, firstJobs: [] };
        known.waiting += Number(fields[at + 1]);
        known.firstJobs.push(String(fields[at + 2]));
        tenants.set(tenantId, known);
      }
      return [...tenants.values()].sort((a, b) => b.waiting - a.waiting);
    },
  };
}
