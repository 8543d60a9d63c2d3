const numbers = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** `12,345` */
export const count = (value: number): string => numbers.format(value);

/** `1 row`, `12,345 rows` */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

/** `97 %`; one digit more where it tells something. */
export function percent(share: number): string {
  const value = share * 100;
  const digits = (value > 0 && value < 1) || (value > 99 && value < 99.95) ? 1 : 0;
  return `${value.toFixed(digits)} %`;
}

/** The figure that people look at first: `97 % right`, or `R² 0.81` of numbers. */
export function scoreOf({ accuracy, r2 }: { accuracy?: number; r2?: number }): string {
  if (accuracy !== undefined) return `${percent(accuracy)} right`;
  return r2 === undefined ? 'unknown' : `R² ${r2.toFixed(2)}`;
}

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** `6.0 kB`: decimal, as disks and networks count. */
export function bytes(value: number): string {
  let scaled = value;
  let unit = 0;
  while (scaled >= 1_000 && unit < byteUnits.length - 1) {
    scaled /= 1_000;
    unit += 1;
  }
  return `${unit === 0 ? scaled : scaled.toFixed(scaled < 10 ? 1 : 0)} ${byteUnits[unit]}`;
}

/** `320 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min` */
export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1_000)} ms`;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `2026-11-27 18:05` in the local zone. */
export function time(at: string): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, '0');
  return (
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}`
  );
}
