/** The parts of the page, in its order. The first four belong to a tenant, the last two to the whole service. */
export const sections = ['tenants', 'jobs', 'models', 'playground', 'cache', 'base'] as const;
export type Section = (typeof sections)[number];

/** What an address after `#` names, e.g. `#/ten_…/jobs/job_…`. Everything in it is optional. */
export interface Route {
  tenant?: string;
  section?: Section;
  /** Of section `jobs`. */
  job?: string;
  /** Of section `models`. */
  model?: { task: string; user: string };
  /** Of section `playground`. The text itself stays out: addresses end up in histories and chats. */
  play?: { task: string; users: string[] };
}

/** Reads an address; what it does not understand is left out, never an error. */
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split('?');
  const parts = path.split('/').filter(Boolean).map(decode);
  const route: Route = {};
  if (parts[0]?.startsWith('ten_')) route.tenant = parts.shift()!;
  const section = sections.find((name) => name === parts[0]);
  if (!section) return route;
  route.section = section;
  if (section === 'jobs' && parts[1]) route.job = parts[1];
  if (section === 'models' && parts[1] && parts[2]) route.model = { task: parts[1], user: parts[2] };
  if (section === 'playground') {
    const params = new URLSearchParams(query);
    const task = params.get('task');
    if (task) route.play = { task, users: params.getAll('user') };
  }
  return route;
}

/** The address of a route; `parseRoute` reads it back. */
export function formatRoute(route: Route): string {
  const parts: string[] = [];
  if (route.tenant) parts.push(route.tenant);
  if (route.section) parts.push(route.section);
  if (route.section === 'jobs' && route.job) parts.push(route.job);
  if (route.section === 'models' && route.model) parts.push(route.model.task, route.model.user);
  const query =
    route.section === 'playground' && route.play
      ? `?${new URLSearchParams([['task', route.play.task], ...route.play.users.map((user) => ['user', user])] as [string, string][])}`
      : '';
  return `#/${parts.map(encodeURIComponent).join('/')}${query}`;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
