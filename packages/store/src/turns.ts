/** Does work one at a time for each key, in the order it was asked for, whatever became of the work before. */
export function createTurns(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  /** The last of those who wait, by key. */
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const turn = (last.get(key) ?? Promise.resolve()).then(work);
    const settled = turn.catch(() => undefined);
    last.set(key, settled);
    try {
      return await turn;
    } finally {
      if (last.get(key) === settled) last.delete(key);
    }
  };
}
