import type { Client } from '@scion/sdk';
import { useEffect } from 'preact/hooks';
import { Header } from './header.js';
import { useLive } from './live.js';
import { Nav } from './nav.js';
import {
  chosenTenant,
  elementIdOf,
  fallBackToTenant,
  route,
  scrollToRoute,
  sectionInView,
} from './navigation.js';
import { isOutOfReach } from './parts/notice.js';
import { type Section, sections } from './route.js';
import { BaseSection } from './sections/base.js';
import { CacheSection } from './sections/cache.js';
import { Glance } from './sections/glance.js';
import { JobsSection } from './sections/jobs.js';
import { ModelsSection } from './sections/models.js';
import { PlaygroundSection } from './sections/playground.js';
import { TenantsSection } from './sections/tenants.js';

/** Everything an operator sees after signing in: one page, six sections, one chosen tenant. */
export function Page({ client }: { client: Client }) {
  const system = useLive('system', (signal) => client.system.get({ signal }), 2_000);
  const tenants = useLive('tenants', (signal) => client.tenants.list({ limit: 100 }, { signal }), 15_000);

  const first = tenants.data?.data[0]?.id;
  useEffect(() => {
    if (first) fallBackToTenant(first);
  }, [first]);

  // An address that names a section counts once there is something to scroll to.
  const settled = tenants.data !== undefined;
  useEffect(() => {
    if (settled) scrollToRoute(route.peek());
  }, [settled]);
  useSectionInView();

  const tenantId = chosenTenant.value;
  const tenantClient = tenantId ? client.withTenant(tenantId) : undefined;
  const scope = tenantId && tenantClient ? { tenantId, client: tenantClient } : undefined;
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to content
      </button>
      <Header system={system} tenants={tenants.data?.data ?? []} />
      <div class="frame">
        <Nav />
        <main id="main" tabIndex={-1}>
          {system.data && isOutOfReach(system.error) && (
            <div class="note note-stale" role="alert">
              <p>
                <strong>The service does not answer.</strong> What you see is its last answer; the page goes
                on asking.
              </p>
            </div>
          )}
          <Glance system={system} />
          <TenantsSection tenants={tenants} />
          <JobsSection scope={scope} waiting={!settled} />
          <ModelsSection scope={scope} waiting={!settled} />
          <PlaygroundSection scope={scope} waiting={!settled} />
          <div class="pair">
            <CacheSection system={system} tenants={tenants.data?.data ?? []} />
            <BaseSection system={system} />
          </div>
        </main>
      </div>
    </>
  );
}

/** Keeps the navigation's mark on the section being read. */
function useSectionInView(): void {
  useEffect(() => {
    let frame: number | undefined;
    const update = () => {
      frame = undefined;
      sectionInView.value = sectionBeingRead();
    };
    const onScroll = () => {
      frame ??= requestAnimationFrame(update);
    };
    addEventListener('scroll', onScroll, { passive: true });
    addEventListener('resize', onScroll, { passive: true });
    onScroll();
    return () => {
      removeEventListener('scroll', onScroll);
      removeEventListener('resize', onScroll);
      if (frame !== undefined) cancelAnimationFrame(frame);
    };
  }, []);
}

/**
 * The last section that begins above the upper third of the window; at the page's end, where the last ones cannot come
 * up so far, the last one in sight. Of sections side by side, the one that the address names.
 */
function sectionBeingRead(): Section {
  const atEnd = scrollY > 0 && scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
  const line = innerHeight * (atEnd ? 1 : 0.34);
  const begun = sections
    .map((name) => ({
      name,
      top: document.getElementById(elementIdOf(name))?.getBoundingClientRect().top ?? 0,
    }))
    .filter(({ top }) => top < line);
  const last = begun.at(-1);
  if (!last) return 'tenants';
  const beside = begun.filter(({ top }) => Math.abs(top - last.top) < 2 || (atEnd && top > 0));
  return (beside.find(({ name }) => name === route.peek().section) ?? beside[0] ?? last).name;
}
