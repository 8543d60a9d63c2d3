import { computed, signal } from '@preact/signals';
import { formatRoute, parseRoute, type Route, type Section } from './route.js';

/** Where the address bar points. */
export const route = signal<Route>(parseRoute(location.hash));

/** What is chosen in each section; it outlives a move to another section, and ends with a move to another tenant. */
export const chosen = signal<Pick<Route, 'tenant' | 'job' | 'model' | 'play'>>(route.value);

/** The section in view, for the navigation's mark. */
export const sectionInView = signal<Section>(route.value.section ?? 'tenants');

export const chosenTenant = computed(() => chosen.value.tenant);

/** The address of something in the chosen tenant (or in the tenant it names). */
export function hrefOf(to: Route): string {
  const tenant = to.tenant ?? chosen.value.tenant;
  return formatRoute({ ...to, ...(tenant !== undefined && { tenant }) });
}

/** Chooses a tenant without touching the address or its history: what happens when the address names none. */
export function fallBackToTenant(tenant: string): void {
  if (chosen.peek().tenant === undefined) chosen.value = { ...chosen.peek(), tenant };
}

/** Changes the address in place, for choices that are not worth a step of the back button. */
export function replaceRoute(to: Route): void {
  history.replaceState(null, '', hrefOf(to));
  follow(parseRoute(location.hash));
}

export function elementIdOf(section: Section): string {
  return `section-${section}`;
}

/** Brings what the address names into view: a chosen row's details, where they are a screen of their own, else its section. */
export function scrollToRoute(to: Route): void {
  if (!to.section) return;
  const section = document.getElementById(elementIdOf(to.section));
  const details = to.job || to.model ? section?.querySelector('[data-details]') : null;
  if (!details) section?.scrollIntoView();
  else if (details.getBoundingClientRect().top > innerHeight * 0.6) details.scrollIntoView();
}

function follow(next: Route): void {
  const before = chosen.peek();
  const sameTenant = next.tenant === undefined || next.tenant === before.tenant;
  chosen.value = {
    ...(sameTenant ? before : {}),
    ...(next.tenant !== undefined && { tenant: next.tenant }),
    ...(next.job !== undefined && { job: next.job }),
    ...(next.model !== undefined && { model: next.model }),
    ...(next.play !== undefined && { play: next.play }),
  };
  route.value = next;
}

addEventListener('hashchange', () => {
  follow(parseRoute(location.hash));
  scrollToRoute(route.value);
});
