import '../../styles/overview.css';
import type { Overview, Tenant } from '@scion/sdk';
import { useOverview } from '../../data/overview.js';
import { parameter, setParameters } from '../../navigation.js';
import { Choice } from '../../parts/choice.js';
import { ErrorNote, Loading } from '../../parts/notice.js';
import { PageHead } from '../../parts/page-head.js';
import type { ServicePageProps } from '../pages.js';
import { Alerts } from './alerts.js';
import { Charts } from './charts.js';
import { Figures } from './figures.js';
import { Workers } from './workers.js';

/** By their value in the address, with their hours. */
const ranges = { '15m': 0.25, '1h': 1, '6h': 6, '24h': 24 } as const;
type Range = keyof typeof ranges;
const choices = [
  ['15m', '15 min'],
  ['1h', '1 h'],
  ['6h', '6 h'],
  ['24h', '24 h'],
] as const;

/** The service at a glance: what needs somebody, how it fares, and what it does now. */
export function OverviewPage({ client, tenants }: ServicePageProps) {
  const asked = parameter('range');
  const range: Range = asked && asked in ranges ? (asked as Range) : '1h';
  const overview = useOverview(client, ranges[range]);
  return (
    <>
      <PageHead
        title="Overview"
        actions={
          <Choice
            label="Time range"
            options={choices}
            value={range}
            onChoose={(value) => setParameters({ range: value === '1h' ? '' : value })}
          />
        }
      />
      {overview.error !== undefined && (
        <ErrorNote error={overview.error} retry={overview.retry} stale={overview.data !== undefined} />
      )}
      {overview.data ? (
        <Shown overview={overview.data} tenants={tenants.data?.data ?? []} />
      ) : (
        overview.error === undefined && <Loading rows={8} what="the overview" />
      )}
    </>
  );
}

function Shown({ overview, tenants }: { overview: Overview; tenants: Tenant[] }) {
  const names = new Map(tenants.map(({ id, name }) => [id, name]));
  return (
    <>
      <Alerts alerts={overview.alerts} />
      <Figures overview={overview} />
      <div class="grid">
        <Workers overview={overview} names={names} />
        <Charts overview={overview} names={names} />
      </div>
    </>
  );
}
