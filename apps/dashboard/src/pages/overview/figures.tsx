import type { Overview } from '@scion/sdk';
import { Sparkline } from '../../charts/sparkline.js';
import { serviceTime } from '../../clock.js';
import { bytes, count, duration, percent, plural, rate } from '../../format.js';
import { hrefOf } from '../../navigation.js';
import type { Route } from '../../route.js';
import { perMinute } from './series.js';

/** The service in eight figures, each with its course; most lead to the page that explains them. */
export function Figures({ overview }: { overview: Overview }) {
  const { totals, now, jobs, queue, timeToLive, predict, cache, webhooks } = overview;
  const judged = sum(jobs.promoted) + sum(jobs.kept);
  const attempts = sum(webhooks.delivered) + sum(webhooks.failed);
  const ended = perMinute(
    overview,
    jobs.succeeded.map((done, at) => done + (jobs.failed[at] ?? 0) + (jobs.cancelled[at] ?? 0)),
    serviceTime(),
  );
  return (
    <ul class="figures" aria-label="At a glance">
      <Figure
        label="Jobs ended"
        value={count(totals.ended)}
        note={totals.failureRate === null ? 'none yet' : `${percent(totals.failureRate)} failed`}
        alarm={(totals.failureRate ?? 0) >= 0.2}
        to={{ page: 'jobs' }}
        values={ended}
      />
      <Figure
        label="Waiting now"
        value={count(now.queue.waiting + now.queue.delayed)}
        note={
          now.queue.oldestWaitSeconds === null
            ? `${plural(now.queue.active, 'job')} training`
            : `oldest for ${duration(now.queue.oldestWaitSeconds * 1000)}`
        }
        alarm={(now.queue.oldestWaitSeconds ?? 0) > 300}
        to={{ page: 'jobs', query: { state: ['queued'] } }}
        values={queue.waiting}
      />
      <Figure
        label="Time to live, p50"
        value={seconds(totals.timeToLiveP50Seconds)}
        note={`p95 ${seconds(totals.timeToLiveP95Seconds)}`}
        title="From a job’s creation to its version going live"
        values={timeToLive.p50}
      />
      <Figure
        label="Promotion rate"
        value={share(totals.promotionRate)}
        note={`${count(sum(jobs.promoted))} of ${plural(judged, 'version')}`}
        title="Versions that went live of those that the gate judged"
        values={jobs.promoted}
      />
      <Figure
        label="Predicted rows"
        value={count(totals.predictedRows)}
        note={`${rate(lastOf(predict.rowsPerSecond))} a second`}
        values={predict.rowsPerSecond}
      />
      <Figure
        label="Answer time, p50"
        value={milliseconds(totals.predictP50Ms)}
        note={`p99 ${milliseconds(totals.predictP99Ms)}`}
        values={predict.p50Ms}
        alarm={(totals.predictP99Ms ?? 0) > 1000}
      />
      <Figure
        label="Cache hit rate"
        value={share(totals.cacheHitRate)}
        note={`${bytes(now.cache.bytes)} of ${bytes(now.cache.budgetBytes)}`}
        to={{ page: 'cache' }}
        values={cache.hitRate}
        top={1}
      />
      <Figure
        label="Webhook failures"
        value={share(totals.webhookFailureRate)}
        note={`of ${plural(attempts, 'attempt')}`}
        alarm={(totals.webhookFailureRate ?? 0) >= 0.2}
        to={{ page: 'tenant', tab: 'webhooks' }}
        values={webhooks.failed}
      />
    </ul>
  );
}

interface FigureProps {
  label: string;
  value: string;
  note: string;
  title?: string;
  /** Somebody should look. */
  alarm?: boolean;
  to?: Route;
  values: readonly (number | null)[];
  top?: number;
}

function Figure({ label, value, note, title, alarm = false, to, values, top }: FigureProps) {
  const inside = (
    <>
      <span class="figure-label">{label}</span>
      <span class="figure-value">{value}</span>
      <span class="figure-note">{note}</span>
      <Sparkline values={values} {...(top !== undefined && { top })} />
    </>
  );
  const look = alarm ? 'figure figure-alarm' : 'figure';
  return (
    <li>
      {to ? (
        <a class={look} href={hrefOf(to)} title={title}>
          {inside}
        </a>
      ) : (
        <div class={look} title={title}>
          {inside}
        </div>
      )}
    </li>
  );
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
/** Of the last whole bucket: the present one has only begun. */
const lastOf = (values: readonly number[]) => values.at(-2) ?? values.at(-1) ?? 0;
const share = (value: number | null) => (value === null ? '–' : percent(value));
const seconds = (value: number | null) => (value === null ? '–' : duration(value * 1000));
const milliseconds = (value: number | null) => (value === null ? '–' : `${rate(value)} ms`);
