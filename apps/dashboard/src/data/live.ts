import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { pollWhileVisible } from './poll-while-visible.js';

/** What is known of something that is fetched again and again. After a failure the last good `data` stays. */
export interface Live<T> {
  data: T | undefined;
  /** Why the last attempt failed; undefined once one succeeds. */
  error: unknown;
  /** Fetches now. */
  refresh(): void;
}

/**
 * Fetches when shown, whenever `key` changes, and every `intervalMs` after an answer while the tab is visible.
 * `key` must name everything that `load` depends on; a change discards the data of the key before.
 */
export function useLive<T>(
  key: string,
  load: (signal: AbortSignal) => Promise<T>,
  intervalMs: number | ((data: T | undefined) => number),
): Live<T> {
  const [state, setState] = useState<{ key: string; data: T | undefined; error: unknown }>({
    key,
    data: undefined,
    error: undefined,
  });
  const [asked, setAsked] = useState(0);
  const current = useRef({ load, intervalMs });
  current.current = { load, intervalMs };
  const latest = useRef<{ key: string; data: T | undefined }>({ key, data: undefined });

  // `asked` is what `refresh` changes to run this again.
  useEffect(() => {
    if (latest.current.key !== key) latest.current = { key, data: undefined };
    const publish = (data: T | undefined, error: unknown) => {
      latest.current = { key, data };
      setState({ key, data, error });
    };
    return pollWhileVisible(
      async (signal) => {
        try {
          const data = await current.current.load(signal);
          if (!signal.aborted) publish(data, undefined);
        } catch (error) {
          if (!signal.aborted) publish(latest.current.data, error);
        }
      },
      () => {
        const { intervalMs } = current.current;
        return typeof intervalMs === 'function' ? intervalMs(latest.current.data) : intervalMs;
      },
    );
  }, [key, asked]);

  const refresh = useCallback(() => setAsked((count) => count + 1), []);
  // Between a change of key and the effect that fetches it, the data of the key before must not be shown.
  return state.key === key
    ? { data: state.data, error: state.error, refresh }
    : { data: undefined, error: undefined, refresh };
}
