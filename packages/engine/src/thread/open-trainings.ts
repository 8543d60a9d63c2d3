import { LRUCache } from 'lru-cache';
import type { TrainingGraphKey } from './protocol.js';
import type { TrainingSession } from './session-training.js';

/** Each takes some tens of megabytes; most jobs are of one rank, and of the three kinds of task. */
const KEPT = 4;

/** The training sessions of a thread: opened when they are first needed, for most threads never train, and closed after long disuse. */
export interface OpenTrainings {
  /** For use until the next call, which may close it. */
  of(graph: TrainingGraphKey): Promise<TrainingSession>;
  close(): Promise<void>;
}

export function createOpenTrainings(
  open: (graph: TrainingGraphKey) => Promise<TrainingSession>,
): OpenTrainings {
  const closing = new Set<Promise<void>>();
  const sessions = new LRUCache<string, Promise<TrainingSession>>({
    max: KEPT,
    dispose(session) {
      const closed = session.then((opened) => opened.close()).catch(() => {});
      closing.add(closed);
      closed.finally(() => closing.delete(closed));
    },
  });
  return {
    of({ kind, rank }) {
      const key = `${kind} ${rank}`;
      const session = sessions.get(key) ?? open({ kind, rank });
      sessions.set(key, session);
      session.catch(() => sessions.delete(key));
      return session;
    },
    async close() {
      sessions.clear();
      await Promise.all(closing);
    },
  };
}
