import type { Client, Page as RowsPage, Tenant } from '@scion/sdk';
import { useMemo } from 'preact/hooks';
import type { Live } from '../data/live.js';
import { chosenTenant, isTenantPage, pageKey, route, takesAllTenants } from '../navigation.js';
import { pages } from '../pages/pages.js';
import { Empty, ErrorNote, Loading } from '../parts/notice.js';
import { session } from '../session.js';
import { Reach } from './reach.js';
import { Side } from './side.js';
import { useTenants } from './use-tenants.js';

/** Everything a person sees after signing in: navigation on the side, one page beside it. */
export function Shell({ client }: { client: Client }) {
  const tenants = useTenants(client);
  return (
    <div class="shell">
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to content
      </button>
      <Side tenants={tenants.data?.data ?? []} more={tenants.data?.nextCursor != null} />
      <main id="main" tabIndex={-1}>
        <Reach />
        <CurrentPage client={client} tenants={tenants} />
      </main>
    </div>
  );
}

function CurrentPage({ client, tenants }: { client: Client; tenants: Live<RowsPage<Tenant>> }) {
  const own = session.value?.tenant ?? null;
  // A tenant's key sees no page about all tenants; its overview is its jobs.
  const shown =
    own && !isTenantPage(route.value.page) ? { page: 'jobs' as const, tenant: own.id } : route.value;
  const list = tenants.data?.data;
  const wanted = own?.id ?? shown.tenant ?? chosenTenant.value;
  // What only one tenant can have is the first one's until another is chosen.
  const tenantId = wanted ?? (takesAllTenants(shown) ? undefined : list?.[0]?.id);
  const speaker = useMemo(
    () => (tenantId !== undefined && !own ? client.withTenant(tenantId) : client),
    [tenantId, own, client],
  );
  const names = useMemo(() => new Map(list?.map(({ id, name }) => [id, name])), [list]);
  const key = `${pageKey.value} ${tenantId}`;

  if (takesAllTenants(shown)) {
    const Page = pages.lists[shown.page as keyof typeof pages.lists];
    return <Page key={key} scope={{ tenantId, client: speaker, names }} />;
  }
  if (!isTenantPage(shown.page)) {
    const Page = pages.service[shown.page as keyof typeof pages.service];
    return <Page key={pageKey.value} client={client} tenants={tenants} />;
  }
  if (tenantId !== undefined) {
    const Page = pages.tenant[shown.page as keyof typeof pages.tenant];
    return <Page key={key} scope={{ tenantId, client: speaker }} tenants={tenants} />;
  }
  if (tenants.error !== undefined) return <ErrorNote error={tenants.error} retry={tenants.refresh} />;
  if (!list) return <Loading rows={5} what="the page" />;
  return (
    <Empty title="No tenants yet">
      <p>
        A tenant is a customer of this service. <a href="#/tenants">Create the first one</a>, and this page is
        about it.
      </p>
    </Empty>
  );
}
