import type { CacheState, ProcessCache } from '@scion/contracts';

/** What a process tells the others of its memory: some 20 kB at most, every few seconds. */
export function toProcessCache(state: CacheState): Omit<ProcessCache, 'process'> {
  const { bytes, budgetBytes, entries, hits, misses, resident } = state;
  return { bytes, budgetBytes, entries, hits, misses, resident };
}
