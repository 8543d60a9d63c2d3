import { computed, signal } from '@preact/signals';
import { formatRoute, type Page, parseRoute, type Route, tenantPages } from './route.js';

/** Where the address bar points. */
export const route = signal<Route>(parseRoute(location.hash));

/** The tenant looked at; undefined stands for all of them. It outlives a visit to a page that is about none. */
export const chosenTenant = signal<string | undefined>(route.value.tenant);

/** The first value of a parameter of the present address. */
export const parameter = (name: string): string | undefined => route.value.query?.[name]?.[0];

/** What makes a page another one; its parameters do not. */
export const pageKey = computed(() => {
  const { page, tenant, job, model, tab } = route.value;
  return JSON.stringify([page, tenant, job, model, tab]);
});

/** The address of a page; one of a tenant's pages is that of the chosen tenant unless it names another. */
export function hrefOf(to: Route): string {
  const tenant = isTenantPage(to.page) ? (to.tenant ?? chosenTenant.value) : undefined;
  const { tenant: _, ...rest } = to;
  return formatRoute(tenant === undefined ? rest : { ...rest, tenant });
}

export function isTenantPage(page: Page): boolean {
  return tenantPages.some((name) => name === page);
}

/** Whether a page can be about all tenants at once. */
export function takesAllTenants({ page, job, model }: Route): boolean {
  return (page === 'jobs' && !job) || (page === 'models' && !model);
}

export function go(to: Route): void {
  location.hash = hrefOf(to);
}

/** Goes to the same page of another tenant, or of all of them; a page about none leads to the jobs. */
export function lookAt(tenant: string | undefined): void {
  const { page } = route.peek();
  const next: Page = isTenantPage(page) && (tenant !== undefined || page === 'models') ? page : 'jobs';
  location.hash = formatRoute({ page: next, ...(tenant !== undefined && { tenant }) });
}

/**
 * Changes parameters of the present address in place, for choices that are not worth a step of the back button. An
 * empty value takes its parameter away.
 */
export function setParameters(changes: Record<string, string | string[] | undefined>): void {
  const query = { ...route.peek().query };
  for (const [name, value] of Object.entries(changes)) {
    const values = (Array.isArray(value) ? value : [value]).filter(Boolean) as string[];
    if (values.length > 0) query[name] = values;
    else delete query[name];
  }
  const { query: _, ...rest } = route.peek();
  history.replaceState(null, '', formatRoute({ ...rest, query }));
  follow();
}

function follow(): void {
  const before = pageKey.peek();
  const next = parseRoute(location.hash);
  route.value = next;
  if (next.tenant !== undefined || takesAllTenants(next)) chosenTenant.value = next.tenant;
  if (pageKey.value !== before) {
    scrollTo(0, 0);
    // Else the focus stays on a link that may be gone, and a screen reader does not notice the new page.
    document.getElementById('main')?.focus({ preventScroll: true });
  }
}

addEventListener('hashchange', follow);
