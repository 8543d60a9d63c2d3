import type { Client, Page, Tenant } from '@scion/sdk';
import { useMemo } from 'preact/hooks';
import { type Live, useLive } from '../data/live.js';
import { chosenTenant } from '../navigation.js';
import { session } from '../session.js';

const intervalMs = 15_000;

/** The first tenants of many, and the chosen one behind them where it is not among them: its name and share are shown. */
export function useTenants(client: Client): Live<Page<Tenant>> {
  const own = session.value?.tenant ?? null;
  const first = useLive<Page<Tenant>>(
    'tenants',
    async (signal) =>
      own ? { data: [own], nextCursor: null } : client.tenants.list({ limit: 100 }, { signal }),
    intervalMs,
  );
  const { data: page } = first;
  const chosen = own ? undefined : chosenTenant.value;
  const apart = page && chosen && !page.data.some(({ id }) => id === chosen) ? chosen : undefined;
  const other = useLive<Tenant | undefined>(
    `tenant ${apart}`,
    async (signal) => (apart === undefined ? undefined : client.tenants.get(apart, { signal })),
    intervalMs,
  );
  const data = useMemo(
    () => (page && other.data ? { ...page, data: [...page.data, other.data] } : page),
    [page, other.data],
  );
  const refresh = () => {
    first.refresh();
    other.refresh();
  };
  return { data, error: first.error, refresh };
}
