import type { Overview } from '@scion/sdk';
import { useMemo } from 'preact/hooks';
import type { Line } from '../../charts/plot-options.js';
import { seriesColour } from '../../charts/series-colour.js';
import { TimeChart } from '../../charts/time-chart.js';
import { serviceTime } from '../../clock.js';
import { bytes, count, duration, percent, rate } from '../../format.js';
import { Panel } from '../../parts/panel.js';
import { perMinute } from './series.js';

interface ChartRow {
  title: string;
  note: string;
  span: 4 | 8;
  stacked?: boolean;
  top?: number;
  lines: Line[];
  formatY(value: number): string;
  formatExact?(value: number): string;
}

/** Everything that the overview tells over time. All charts share one cursor. */
export function Charts({ overview, names }: { overview: Overview; names: ReadonlyMap<string, string> }) {
  const charts = useMemo(() => chartsOf(overview, names), [overview]);
  return (
    <>
      {charts.map(({ title, note, span, ...chart }) => (
        <Panel key={title} title={title} note={note} span={span}>
          <TimeChart
            {...chart}
            at={overview.at}
            label={`${title}, ${note}.`}
            heightPx={168}
            together="overview"
          />
        </Panel>
      ))}
    </>
  );
}

function chartsOf(overview: Overview, names: ReadonlyMap<string, string>): ChartRow[] {
  const { jobs, timeToLive, queue, predict, cache, webhooks } = overview;
  const minutes = (counts: number[]) => perMinute(overview, counts, serviceTime());
  const nameOf = (id: string) => names.get(id) ?? `…${id.slice(-6)}`;
  const seconds = (value: number) => duration(value * 1000);
  const milliseconds = (value: number) => `${rate(value)} ms`;
  return [
    {
      title: 'Jobs',
      note: 'a minute, by outcome',
      span: 8,
      stacked: true,
      lines: [
        bar('succeeded', 'var(--scion)', minutes(jobs.succeeded)),
        bar('failed', 'var(--bad)', minutes(jobs.failed)),
        bar('cancelled', 'var(--line-strong)', minutes(jobs.cancelled)),
      ],
      formatY: rate,
    },
    {
      title: 'Queue',
      note: 'most jobs waiting at once, by tenant',
      span: 4,
      stacked: true,
      lines:
        queue.tenants.length > 0
          ? queue.tenants.map((tenant, at) => ({
              name: nameOf(tenant.tenantId),
              values: tenant.waiting,
              colour: seriesColour(at),
              kind: 'area',
            }))
          : [{ name: 'all', values: queue.waiting, colour: seriesColour(0), kind: 'area' }],
      formatY: rate,
      formatExact: count,
    },
    {
      title: 'Wait',
      note: 'mean before a job begins, by tenant',
      span: 4,
      lines: queue.tenants.map((tenant, at) => ({
        name: nameOf(tenant.tenantId),
        values: tenant.waitSeconds,
        colour: seriesColour(at),
      })),
      formatY: seconds,
    },
    {
      title: 'Time to live',
      note: 'from job to live version',
      span: 4,
      lines: percentiles(timeToLive.p50, timeToLive.p95, 'p95'),
      formatY: seconds,
    },
    {
      title: 'Rows predicted',
      note: 'a second',
      span: 4,
      lines: [{ name: 'rows', values: predict.rowsPerSecond, colour: 'var(--series-3)', kind: 'area' }],
      formatY: rate,
    },
    {
      title: 'Answer time',
      note: 'from request to answer',
      span: 4,
      lines: percentiles(predict.p50Ms, predict.p99Ms, 'p99'),
      formatY: milliseconds,
    },
    {
      title: 'Cache hit rate',
      note: 'lookups that found their adapter in memory',
      span: 4,
      top: 1,
      lines: [{ name: 'hits', values: cache.hitRate, colour: 'var(--series-6)', kind: 'area' }],
      formatY: (value) => `${Math.round(value * 100)} %`,
      formatExact: percent,
    },
    {
      title: 'Cache residency',
      note: 'bytes of adapters in memory',
      span: 4,
      lines: [{ name: 'bytes', values: cache.bytes, colour: 'var(--root)', kind: 'area' }],
      formatY: bytes,
    },
    {
      title: 'Versions judged',
      note: 'by the gate, a minute',
      span: 4,
      stacked: true,
      lines: [
        bar('went live', 'var(--scion)', minutes(jobs.promoted)),
        bar('kept back', 'var(--root)', minutes(jobs.kept)),
      ],
      formatY: rate,
    },
    {
      title: 'Webhooks',
      note: 'attempts a minute',
      span: 4,
      stacked: true,
      lines: [
        bar('delivered', 'var(--series-3)', minutes(webhooks.delivered)),
        bar('failed', 'var(--bad)', minutes(webhooks.failed)),
      ],
      formatY: rate,
    },
  ];
}

const bar = (name: string, colour: string, values: number[]): Line => ({ name, colour, values, kind: 'bar' });

function percentiles(p50: (number | null)[], tail: (number | null)[], name: string): Line[] {
  return [
    { name: 'p50', values: p50, colour: 'var(--series-1)', width: 2 },
    { name, values: tail, colour: 'var(--series-2)' },
  ];
}
