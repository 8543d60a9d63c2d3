import type { Alert } from '@scion/sdk';
import { hrefOf } from '../../navigation.js';
import { InlineCode } from '../../parts/inline-code.js';
import type { Route } from '../../route.js';

/** Where the cause of an alert can be looked at, where that is a page of this dashboard. */
const causes: Record<string, readonly [Route, string]> = {
  jobs_failing: [{ page: 'jobs', query: { state: ['failed'] } }, 'Failed jobs'],
  jobs_given_up: [{ page: 'jobs', query: { state: ['failed'] } }, 'Failed jobs'],
  queue_slow: [{ page: 'jobs', query: { state: ['queued'] } }, 'Queued jobs'],
  cache_too_small: [{ page: 'cache' }, 'Cache'],
  webhooks_failing: [{ page: 'tenant', tab: 'webhooks' }, 'Webhooks'],
  few_promotions: [{ page: 'jobs', query: { state: ['succeeded'] } }, 'Jobs'],
};

/** What needs somebody, gravest first; when nothing does, one quiet line. */
export function Alerts({ alerts }: { alerts: Alert[] }) {
  if (alerts.length === 0) return <p class="all-well">Nothing needs you. Judged over the last 15 minutes.</p>;
  return (
    <ul class="alerts" aria-label="Alerts">
      {alerts.map(({ code, severity, title, detail, remedy }) => {
        const [route, name] = causes[code] ?? [];
        return (
          <li key={code} class={`note ${severity === 'critical' ? 'note-error' : 'note-stale'}`}>
            <p>
              <strong>{title}.</strong> {detail} <InlineCode text={remedy} />
            </p>
            {route && (
              <a class="button button-small" href={hrefOf(route)}>
                {name}
              </a>
            )}
          </li>
        );
      })}
    </ul>
  );
}
