/**
 * Runs `turn` at once, again `waitMs` after each end while the tab is visible, and at once when somebody comes back to it.
 * `turn` must not reject. Returns what ends it all, a turn under way by its signal.
 */
export function pollWhileVisible(
  turn: (signal: AbortSignal) => Promise<void>,
  waitMs: () => number,
): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running = false;
  const isVisible = () => document.visibilityState === 'visible';
  const run = async () => {
    if (running) return;
    running = true;
    await turn(signal);
    running = false;
    if (!signal.aborted && isVisible()) timer = setTimeout(run, waitMs());
  };
  const onVisibility = () => {
    clearTimeout(timer);
    if (isVisible()) void run();
  };
  document.addEventListener('visibilitychange', onVisibility);
  void run();
  return () => {
    controller.abort();
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', onVisibility);
  };
}
