import { signal } from '@preact/signals';

export type Theme = 'light' | 'dark';

const storageKey = 'scion-theme';
const prefersDark = matchMedia('(prefers-color-scheme: dark)');

function chosen(): Theme | null {
  const value = document.documentElement.dataset.theme;
  return value === 'light' || value === 'dark' ? value : null;
}

/** The theme in force: the one chosen here (theme.js applied it before the first paint), else the system's. */
export const theme = signal<Theme>(chosen() ?? (prefersDark.matches ? 'dark' : 'light'));

prefersDark.addEventListener('change', () => {
  if (chosen() === null) theme.value = prefersDark.matches ? 'dark' : 'light';
});

/** Switches, and remembers it in this browser; choosing what the system says goes back to following it. */
export function toggleTheme(): void {
  const next: Theme = theme.value === 'dark' ? 'light' : 'dark';
  const followsSystem = (next === 'dark') === prefersDark.matches;
  try {
    if (followsSystem) localStorage.removeItem(storageKey);
    else localStorage.setItem(storageKey, next);
  } catch {
    // Without storage the choice lasts until the page is left.
  }
  if (followsSystem) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  theme.value = next;
}
