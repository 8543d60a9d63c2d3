import type { Client } from '@scion/sdk';
import { useEffect } from 'preact/hooks';
import { Header } from './header.js';
import { useLive } from './live.js';
import { Nav } from './nav.js';
import { chosenTenant, fallBackToTenant, route, scrollToRoute, sectionInView } from './navigation.js';
import { isOutOfReach } from './parts/notice.js';
import { sections } from './route.js';
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

/** Keeps the navigation's mark on the section that crosses the upper third of the window. */
function useSectionInView(): void {
  useEffect(() => {
    const observer = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          const name = sections.find((section) => entry.target.id === `section-${section}`);
          if (entry.isIntersecting && name) sectionInView.value = name;
        }
      },
      { rootMargin: '-30% 0px -69% 0px' },
    );
    for (const element of document.querySelectorAll('main section[id]')) observer.observe(element);
    return () => observer.disconnect();
  }, []);
}
