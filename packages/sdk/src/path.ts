/** Builds a path from a template, percent-encoding each value. */
export function path(parts: TemplateStringsArray, ...values: (string | number)[]): string {
  return parts.reduce((built, part, index) => built + encodeURIComponent(values[index - 1]!) + part);
}

/**
 * Whether a segment of the path is one no URL can carry: empty, `.` or `..`, which URL parsers resolve away even when
 * percent-encoded (WHATWG URL, "double-dot URL path segment"), so that the call would reach another resource.
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
