import { duration, percent } from './format.js';
import type { Terminal } from './terminal.js';

const eighths = ' ▏▎▍▌▋▊▉█';

/** A bar `width` columns wide, filled to `share` (0 to 1) with the precision of an eighth of a column. */
export function bar(share: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  const whole = Math.floor(filled / 8);
  const part = filled % 8 === 0 ? '' : eighths[filled % 8];
  return `${'█'.repeat(whole)}${part}`.padEnd(width, ' ');
}

/** How often what is drawn in place changes. */
const intervalMs = 80;

/**
 * One line on standard error that fills, says what is left, and goes away when it is done. Where standard error is not
 * a terminal nothing is drawn.
 */
export function createProgressBar(terminal: Terminal, clock: () => number = () => performance.now()) {
  const startedAt = clock();
  let drawnAt = -Infinity;
  return {
    /** @param share done, 0 to 1 */
    update(share: number, details: string): void {
      const now = clock();
      if (!terminal.live || now - drawnAt < intervalMs) return;
      drawnAt = now;
      const elapsed = (now - startedAt) / 1_000;
      const left = share > 0.02 ? `, ${duration((elapsed / share) * (1 - share))} left` : '';
      const { dim, cyan } = terminal.errorStyle;
      terminal.redraw([`${dim('▕')}${cyan(bar(share, 24))}${dim('▏')} ${percent(share)}  ${details}${left}`]);
    },
    done(): void {
      terminal.redraw([]);
    },
  };
}
