import type { UsageReport as Report, Tenant } from '@scion/sdk';
import { useMemo, useState } from 'preact/hooks';
import { TimeChart } from '../../charts/time-chart.js';
import { useLive } from '../../data/live.js';
import { bytes, count, duration, percent, rate } from '../../format.js';
import { Bar } from '../../parts/bar.js';
import { Fact, Facts } from '../../parts/facts.js';
import { ErrorNote, Loading } from '../../parts/notice.js';
import { Panel } from '../../parts/panel.js';
import { Time } from '../../parts/time.js';
import type { Scope } from '../../scope.js';
import { may } from '../../session.js';
import { type QuotaName, quotaNames, showQuota } from './quota-names.js';
import { TenantEditor } from './tenant-editor.js';

interface UsageProps {
  scope: Scope;
  tenant: Tenant | undefined;
  onChange(): void;
}

/** What a tenant is given of the service, how much of it is left, and what was used by day. */
export function Usage({ scope, tenant, onChange }: UsageProps) {
  const [edits, setEdits] = useState(false);
  const usage = useLive<Report>('usage', (signal) => scope.client.usage.get({}, { signal }), 10_000);
  const changed = () => {
    usage.refresh();
    onChange();
  };
  return (
    <>
      {usage.error !== undefined && (
        <ErrorNote error={usage.error} retry={usage.refresh} stale={usage.data !== undefined} />
      )}
      <div class="columns">
        <div class="column">
          {!usage.data && usage.error === undefined && <Loading rows={6} what="the usage" />}
          {usage.data && <Quotas report={usage.data} />}
        </div>
        {tenant && (
          <Panel
            title="Share"
            note="of the workers, while others want them too"
            actions={
              may('operate') && (
                <button type="button" class="button button-small" onClick={() => setEdits(true)}>
                  Edit share and quotas
                </button>
              )
            }
          >
            <Facts>
              <Fact name="Weight">{tenant.weight ?? 1}</Fact>
              <Fact name="Jobs at once">
                {tenant.concurrentJobs === undefined ? 'no limit' : count(tenant.concurrentJobs)}
              </Fact>
              <Fact name="Since">
                <Time at={tenant.createdAt} />
              </Fact>
            </Facts>
          </Panel>
        )}
      </div>
      {usage.data && <Days report={usage.data} />}
      {edits && tenant && (
        <TenantEditor
          tenant={tenant}
          client={scope.client}
          onDone={changed}
          onClose={() => setEdits(false)}
        />
      )}
    </>
  );
}

function Quotas({ report }: { report: Report }) {
  return (
    <Panel title="Quotas" note="used now, of what there may be" flush>
      <table>
        <thead>
          <tr>
            <th scope="col">Quota</th>
            <th scope="col" class="number">
              Used
            </th>
            <th scope="col" class="number">
              Limit
            </th>
            <th scope="col" class="from-small">
              <span class="hidden-text">Share</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {report.quotas.map(({ name, used, limit }) => {
            const share = used !== null && limit !== null && limit > 0 ? used / limit : undefined;
            return (
              <tr key={name}>
                <th scope="row">{quotaNames[name]}</th>
                <td class="number" title={used === null ? undefined : count(used)}>
                  {used === null ? (
                    <span class="quiet">{uncounted[name] ?? '–'}</span>
                  ) : (
                    showQuota(name, used)
                  )}
                </td>
                <td class="number" title={limit === null ? undefined : count(limit)}>
                  {limit === null ? <span class="quiet">none</span> : showQuota(name, limit)}
                </td>
                <td class="from-small">
                  {share !== undefined && (
                    <Bar share={share} spoken={percent(share)} tone={share > 0.9 ? 'root' : 'leaf'} />
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Panel>
  );
}

const dayMs = 86_400_000;
const daysShown = 30;

/** Four charts over the last thirty days; a day without any use is a zero, except of what is stored. */
function Days({ report }: { report: Report }) {
  const { at, charts } = useMemo(() => {
    const byDay = new Map(report.days.map((day) => [day.day, day]));
    const today = Math.floor(Date.parse(report.at) / dayMs) * dayMs;
    const names = Array.from({ length: daysShown }, (_, back) =>
      new Date(today - (daysShown - 1 - back) * dayMs).toISOString().slice(0, 10),
    );
    const days = names.map((name) => byDay.get(name));
    const seconds = (value: number) => duration(value * 1000);
    return {
      at: names.map((name) => `${name}T00:00:00.000Z`),
      charts: [
        {
          title: 'Rows predicted',
          note: 'a day',
          lines: [
            line(
              'rows',
              'var(--series-3)',
              'bar',
              days.map((day) => day?.predictRows ?? 0),
            ),
          ],
          formatY: rate,
          formatExact: count,
        },
        {
          title: 'Training',
          note: 'time of workers a day',
          lines: [
            line(
              'trained',
              'var(--series-1)',
              'bar',
              days.map((day) => day?.trainingSeconds ?? 0),
            ),
          ],
          formatY: seconds,
        },
        {
          title: 'Stored',
          note: 'bytes, as last measured on each day',
          lines: [
            line(
              'stored',
              'var(--root)',
              'area',
              days.map((day) => day?.storedBytes ?? null),
            ),
          ],
          formatY: bytes,
        },
        {
          title: 'Cache',
          note: 'bytes kept in memory, times hours, a day',
          lines: [
            line(
              'byte-hours',
              'var(--series-6)',
              'bar',
              days.map((day) => day?.cacheByteHours ?? 0),
            ),
          ],
          formatY: bytes,
        },
      ],
    };
  }, [report]);
  return (
    <div class="grid">
      {charts.map(({ title, note, ...chart }) => (
        <Panel key={title} title={title} note={note} span={6}>
          <TimeChart {...chart} at={at} label={`${title}, ${note}.`} heightPx={150} together="usage" />
        </Panel>
      ))}
    </div>
  );
}

function line(name: string, colour: string, kind: 'bar' | 'area', values: (number | null)[]) {
  return { name, colour, kind, values };
}

/** Why a quota has no figure of its own. */
const uncounted: Partial<Record<QuotaName, string>> = {
  examplesPerModel: 'each model its own',
  examples: 'not counted without a limit',
};
