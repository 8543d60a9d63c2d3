/** Builds a path from a template, percent-encoding each value. One that is no Unicode text leaves its segment empty. */
export function path(parts: TemplateStringsArray, ...values: (string | number)[]): string {
  return parts.reduce((built, part, index) => built + encode(values[index - 1]!) + part);
}

function encode(value: string | number): string {
  try {
    return encodeURIComponent(value);
  } catch {
    return '';
  }
}

/**
 * Whether a segment of the path is one no URL can carry: empty, also for want of a way to encode it, or `.` or `..`,
 * which URL parsers resolve away even when percent-encoded (WHATWG URL, "double-dot URL path segment"), so that the call
 * would reach another resource.
 */
export function hasLostSegment(path: string): boolean {
  return path
    .slice(1)
    .split('/')
    .some((segment) => segment === '' || segment === '.' || segment === '..');
}

/** A query string with its leading `?`, or nothing; undefined values are left out. */
export function queryString(query: Record<string, string | number | undefined> = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) params.set(name, String(value));
  }
  return params.size === 0 ? '' : `?${params}`;
}
