import type { Client, Overview } from '@scion/sdk';
import { useEffect, useState } from 'preact/hooks';
import { serviceTime } from '../clock.js';

const hourMs = 3_600_000;

export interface WatchedOverview {
  data: Overview | undefined;
  error: unknown;
  retry(): void;
}

/**
 * The overview as the service sends it, over the `hours` up to now. While the tab is hidden nothing is streamed; it is
 * opened anew when somebody looks again. Each range begins with an answer of its own.
 */
export function useOverview(client: Client, hours: number): WatchedOverview {
  const [state, setState] = useState<{ hours: number; data?: Overview; error?: unknown }>({ hours });
  const [opened, setOpened] = useState(0);

  useEffect(() => {
    let controller: AbortController | undefined;
    const failed = (error: unknown) =>
      setState((known) => (known.hours === hours ? { ...known, error } : { hours, error }));
    const watch = async () => {
      controller = new AbortController();
      const { signal } = controller;
      try {
        for (;;) {
          // The end of the range moves along by itself, its beginning only when it is asked for anew.
          const begun = Date.now();
          const from = new Date(serviceTime() - hours * hourMs).toISOString();
          for await (const data of client.system.watch({ from }, { signal, onFailure: failed })) {
            setState({ hours, data });
            if (Date.now() - begun > (hours * hourMs) / 20) break;
          }
        }
      } catch (error) {
        if (!signal.aborted) failed(error);
      }
    };
    const onVisibility = () => {
      controller?.abort();
      if (document.visibilityState === 'visible') void watch();
    };
    document.addEventListener('visibilitychange', onVisibility);
    void watch();
    return () => {
      controller?.abort();
      document.removeEventListener('visibilitychange', onVisibility);
    };
  }, [hours, opened]);

  const current = state.hours === hours ? state : { hours };
  return { data: current.data, error: current.error, retry: () => setOpened(opened + 1) };
}
