/** Every page there is. Those of `tenantPages` are about one tenant, which their address names. */
export const tenantPages = ['jobs', 'models', 'playground', 'tenant'] as const;
export const servicePages = ['overview', 'tenants', 'cache'] as const;
export type Page = (typeof tenantPages)[number] | (typeof servicePages)[number];

/** The parts of a tenant's page, in the order of its tabs. */
export const tenantTabs = ['usage', 'keys', 'tasks', 'webhooks', 'audit'] as const;
export type TenantTab = (typeof tenantTabs)[number];

/**
 * What an address after `#` names, e.g. `#/ten_…/jobs/job_…?with=job_…`. What a page shows and how (filters, ranges,
 * what is compared) stands in `query`, so that every view has an address of its own.
 */
export interface Route {
  page: Page;
  tenant?: string;
  /** Of page `jobs`. */
  job?: string;
  /** Of page `models`. */
  model?: { task: string; user: string };
  /** Of page `tenant`. */
  tab?: TenantTab;
  query?: Record<string, string[]>;
}

const pages: readonly string[] = [...tenantPages, ...servicePages];

/** Reads an address; what it does not understand is left out, never an error. */
export function parseRoute(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#?\/?/, '').split('?');
  const parts = path.split('/').filter(Boolean).map(decode);
  const tenant = parts[0]?.startsWith('ten_') ? parts.shift() : undefined;
  const [name = '', first, second] = parts;
  const page = (pages.includes(name) ? name : tenant ? 'jobs' : 'overview') as Page;
  const query = readQuery(search);
  return {
    page,
    ...(tenant !== undefined && { tenant }),
    ...(page === 'jobs' && first && { job: first }),
    ...(page === 'models' && first && second && { model: { task: first, user: second } }),
    ...(page === 'tenant' && isTab(first) && { tab: first }),
    ...(Object.keys(query).length > 0 && { query }),
  };
}

/** The address of a route; `parseRoute` reads it back. */
export function formatRoute({ page, tenant, job, model, tab, query = {} }: Route): string {
  const parts: string[] = tenant === undefined ? [page] : [tenant, page];
  if (page === 'jobs' && job) parts.push(job);
  if (page === 'models' && model) parts.push(model.task, model.user);
  if (page === 'tenant' && tab) parts.push(tab);
  const pairs = Object.entries(query).flatMap(([name, values]) => values.map((value) => [name, value]));
  const search = pairs.length > 0 ? `?${new URLSearchParams(pairs)}` : '';
  return `#/${parts.map(encodeURIComponent).join('/')}${search}`;
}

function readQuery(search: string): Record<string, string[]> {
  // Without a prototype: a parameter may be called `constructor`.
  const query: Record<string, string[]> = Object.create(null);
  for (const [name, value] of new URLSearchParams(search)) {
    query[name] ??= [];
    query[name].push(value);
  }
  return { ...query };
}

function isTab(name: string | undefined): name is TenantTab {
  return tenantTabs.some((tab) => tab === name);
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
