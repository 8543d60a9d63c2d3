import type { AliasEntry } from '@scion/sdk';
import { hrefOf } from '../../navigation.js';
import { Panel } from '../../parts/panel.js';
import { Time } from '../../parts/time.js';

const reasons: Record<AliasEntry['reason'], string> = {
  gate: 'passed the gate',
  rollback: 'was made live again by hand',
  promotion: 'was promoted by hand',
};

/** Switches of `live`, newest first. */
export function History({ entries }: { entries: AliasEntry[] }) {
  if (entries.length === 0) return null;
  return (
    <Panel title="What was live when" note="newest first">
      <ol class="history">
        {entries.slice(0, 50).map((entry) => (
          <li key={`${entry.at} ${entry.version}`}>
            <strong>v{entry.version}</strong>
            <span>
              {reasons[entry.reason]},{' '}
              {entry.by.startsWith('job_') ? (
                <a href={hrefOf({ page: 'jobs', job: entry.by })}>job …{entry.by.slice(-6)}</a>
              ) : (
                <span title={entry.by}>key …{entry.by.slice(-6)}</span>
              )}
            </span>
            <span class="quiet">
              <Time at={entry.at} />
            </span>
          </li>
        ))}
      </ol>
    </Panel>
  );
}
