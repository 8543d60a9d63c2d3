import type { SystemState } from '@scion/sdk';
import { count, percent, plural } from '../../format.js';
import { Exact } from '../../parts/exact.js';
import { Fact, Facts } from '../../parts/facts.js';
import { Panel } from '../../parts/panel.js';

/** What the lower layers made of recent texts, kept so that the same text passes them once. */
export function TrunkCache({ trunk }: { trunk: SystemState['trunkCache'] }) {
  const asked = trunk.hits + trunk.misses;
  return (
    <Panel title="Trunk cache" note="recent texts, past the shared layers" span={6}>
      <Facts>
        <Fact name="In memory">
          <Exact value={trunk.bytes} /> of <Exact value={trunk.budgetBytes} />
        </Fact>
        <Fact name="Holds">{plural(trunk.entries, 'text')}</Fact>
        <Fact name="Hit rate">{asked === 0 ? 'nothing asked yet' : percent(trunk.hits / asked)}</Fact>
        <Fact name="Hits">{count(trunk.hits)}</Fact>
        <Fact name="Misses">{count(trunk.misses)}</Fact>
      </Facts>
    </Panel>
  );
}

/** Artifacts on this machine's disk, which spare the store a read. */
export function DiskTier({ disk }: { disk: SystemState['diskTier'] }) {
  return (
    <Panel title="Disk tier" note="artifacts on the disk of the API process" span={6}>
      {disk === null ? (
        <p class="quiet">
          None: what is not in memory is read from the store. <code>SCION_DISK_CACHE</code> sets one up.
        </p>
      ) : (
        <Facts>
          <Fact name="On disk">
            <Exact value={disk.bytes} /> of <Exact value={disk.budgetBytes} />
          </Fact>
          <Fact name="Full">{percent(disk.bytes / Math.max(1, disk.budgetBytes))}</Fact>
          <Fact name="Hits">{count(disk.hits)}</Fact>
        </Facts>
      )}
    </Panel>
  );
}
