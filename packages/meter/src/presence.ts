import type { ProcessCache, WorkerState } from '@scion/contracts';
import type { Redis } from 'ioredis';

/** A job that a worker trains now, as far as its process tells; stage and progress stand in the job's record. */
export type RunningJob = Omit<WorkerState['jobs'][number], 'stage' | 'progress'>;

/** What a process says of itself while it lives. */
export type ProcessState =
  | { kind: 'api'; cache: Omit<ProcessCache, 'process'> }
  | ({ kind: 'worker'; jobs: RunningJob[] } & Pick<
      WorkerState,
      'startedAt' | 'provider' | 'threads' | 'slots'
    >);

const membersKey = '{scion}:meter:processes';
const stateKey = (id: string): string => `{scion}:meter:process:${id}`;

export interface Presence {
  /** Says what a process is and does; it counts as dead when it says nothing for `lifeMs`. */
  tell(id: string, state: ProcessState, lifeMs: number): Promise<void>;
  leave(id: string): Promise<void>;
  /** The processes that live, by id. */
  list(): Promise<Map<string, ProcessState>>;
}

export function createPresence(redis: Redis): Presence {
  return {
    async tell(id, state, lifeMs) {
      const batch = redis.multi().sadd(membersKey, id);
      await batch.set(stateKey(id), JSON.stringify(state), 'PX', lifeMs).exec();
    },
    async leave(id) {
      await redis.multi().srem(membersKey, id).unlink(stateKey(id)).exec();
    },
    async list() {
      const ids = (await redis.smembers(membersKey)).sort();
      if (ids.length === 0) return new Map();
      const states = await redis.mget(ids.map(stateKey));
      const dead = ids.filter((_, at) => states[at] === null);
      if (dead.length > 0) await redis.srem(membersKey, ...dead);
      return new Map(
        ids.flatMap((id, at): [string, ProcessState][] => {
          const state = states[at];
          return typeof state === 'string' ? [[id, JSON.parse(state) as ProcessState]] : [];
        }),
      );
    },
  };
}
