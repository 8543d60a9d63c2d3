import '../../styles/cache.css';
import type { SystemState } from '@scion/sdk';
import { useLive } from '../../data/live.js';
import { ErrorNote, Loading } from '../../parts/notice.js';
import { PageHead } from '../../parts/page-head.js';
import type { ServicePageProps } from '../pages.js';
import { Base } from './base.js';
import { Fill } from './fill.js';
import { Processes } from './processes.js';
import { Residents } from './residents.js';
import { DiskTier, TrunkCache } from './tiers.js';

/** What all models share: the memory for their adapters, and the base they stand on. */
export function CachePage({ client, tenants }: ServicePageProps) {
  const system = useLive<SystemState>('system', (signal) => client.system.get({ signal }), 2_000);
  const state = system.data;
  return (
    <>
      <PageHead
        title="Cache and bases"
        about="Adapters held in memory, and the base that all of them stand on."
      />
      {system.error !== undefined && (
        <ErrorNote error={system.error} retry={system.refresh} stale={state !== undefined} />
      )}
      {!state && system.error === undefined && <Loading rows={6} what="the cache" />}
      {state && (
        <div class="grid">
          <Fill cache={state.cache} tenants={tenants.data?.data ?? []} />
          <Base system={state} />
          <TrunkCache trunk={state.trunkCache} />
          <DiskTier disk={state.diskTier} />
          <Processes client={client} />
          <Residents cache={state.cache} tenants={tenants.data?.data ?? []} />
        </div>
      )}
    </>
  );
}
