/** Numbers with their units, and moments, as a person reads them. Each has its exact counterpart for a tooltip. */

const grouped = new Intl.NumberFormat('en');

export function count(value: number): string {
  return grouped.format(value);
}

/** `1 job`, `2 jobs`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Decimal units, three significant digits: `4.71 kB`. */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let scaled = value;
  let unit = 0;
  while (scaled >= 999.5 && unit < units.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
  return `${scaled.toFixed(digits)} ${units[unit]}`;
}

/** A share of one: `93.8 %`. Only the whole is 100 %, and only nothing is 0 %. */
export function percent(share: number | undefined): string {
  if (share === undefined) return '–';
  const value = share * 100;
  if (value > 99.9 && value < 100) return '> 99.9 %';
  if (value > 0 && value < 0.1) return '< 0.1 %';
  return `${value.toFixed(value === 100 || value === 0 ? 0 : 1)} %`;
}

/** A loss, three significant digits. */
export function loss(value: number | undefined): string {
  if (value === undefined) return '–';
  return value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(2) : value.toPrecision(3);
}

/** A span of milliseconds: `340 ms`, `4.2 s`, `3 min 05 s`, `2 h 10 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  if (ms < 0) return duration(0);
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, '0')} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** How long ago, in the one largest unit: `12 s ago`. Clocks that disagree a little never show the future. */
export function ago(at: string, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(at)) / 1000));
  if (seconds < 5) return 'just now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** Local time, without the date where it is today's. */
export function localTime(at: string, nowMs: number): string {
  const date = new Date(at);
  const sameDay = date.toDateString() === new Date(nowMs).toDateString();
  return date.toLocaleString(undefined, {
    ...(!sameDay && { day: 'numeric', month: 'short' }),
    ...(!sameDay && date.getFullYear() !== new Date(nowMs).getFullYear() && { year: 'numeric' }),
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hour12: false,
  });
}

/** Local time of day to the millisecond, for lists in which each line is later than the one before. */
export function clockTime(at: string): string {
  return new Date(at).toLocaleTimeString(undefined, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
    hour12: false,
  });
}

/** Both zones to the millisecond, for a tooltip. */
export function exactTime(at: string): string {
  const local = new Date(at).toLocaleString(undefined, {
    dateStyle: 'full',
    timeStyle: 'long',
  });
  return `${local}\n${at}`;
}

/** The first characters of a hash, enough to tell two apart by eye. */
export function shortHash(sha256: string): string {
  return sha256.slice(0, 12);
}

/** A change of a share, in percentage points and with its sign. */
export function points(change: number): string {
  const value = (Math.abs(change) * 100).toFixed(1);
  return `${value === '0.0' ? '±' : change > 0 ? '+' : '−'}${value} pp`;
}

/** A rate or a mean, three significant digits: `12.3`, `0.45`, `1,230`. */
export function rate(value: number): string {
  if (value === 0) return '0';
  if (value >= 999.5) return count(Math.round(value));
  return String(Number(value.toPrecision(value < 1 ? 2 : 3)));
}
