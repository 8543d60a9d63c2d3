/** Colours and weights, or nothing of them. Only the eight colours that every theme defines. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

/** SGR parameters (ECMA-48 section 8.3.117): what switches each on and off. */
const codes = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

export function createStyle(on: boolean): Style {
  const entries = Object.entries(codes).map(([name, [start, end]]) => [
    name,
    (text: string) => (on ? `\x1b[${start}m${text}\x1b[${end}m` : text),
  ]);
  return Object.fromEntries(entries) as Style;
}
