import type { Alert, Overview } from '@scion/contracts';
import type { Bucket } from './buckets.js';
import { totalsOf } from './series.js';

/** What alerts are judged by: the present, and the last quarter of an hour. */
export interface AlertFacts {
  now: Overview['now'];
  recent: Bucket;
}

interface AlertRule extends Pick<Alert, 'code' | 'severity' | 'title' | 'remedy'> {
  /** The figures that raise it, as a sentence; undefined while all is well. */
  raised(facts: AlertFacts, totals: Overview['totals']): string | undefined;
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
const read = ({ recent }: AlertFacts, name: string): number => recent.get(name) ?? 0;

/** Every alert there is: adding one is a row. Gravest first. Rates need a few events before they mean anything. */
const rules: AlertRule[] = [
  {
    code: 'no_workers',
    severity: 'critical',
    title: 'No worker lives',
    remedy:
      'Start a worker process (`node apps/worker/dist/main.js`); its log says why the last one stopped. Jobs wait and none is lost.',
    raised: ({ now }) =>
      now.workers.length === 0 ? `${now.queue.waiting} jobs wait and nothing trains them.` : undefined,
  },
  {
    code: 'jobs_failing',
    severity: 'critical',
    title: 'Many jobs fail',
    remedy:
      '`GET /v1/jobs?state=failed` tells the failure of each; `POST /v1/jobs/{job}/retry` tries one again. `internal` and `training_failed` are explained in the workers’ logs under the job’s id.',
    raised: (facts, { ended, failureRate }) =>
      ended >= 5 && failureRate !== null && failureRate >= 0.2
        ? `${read(facts, 'ended:failed')} of ${ended} jobs failed (${percent(failureRate)}).`
        : undefined,
  },
  {
    code: 'queue_slow',
    severity: 'warning',
    title: 'Jobs wait long',
    remedy:
      'Start more workers, or raise `SCION_TRAIN_CONCURRENCY` where processors are idle. If one tenant waits alone, look at its `concurrentJobs` and `weight`.',
    raised: ({ now: { queue } }) =>
      queue.oldestWaitSeconds !== null && queue.oldestWaitSeconds > 300
        ? `The oldest of ${queue.waiting} waiting jobs has waited ${Math.round(queue.oldestWaitSeconds / 60)} minutes.`
        : undefined,
  },
  {
    code: 'jobs_given_up',
    severity: 'warning',
    title: 'The queue has given jobs up',
    remedy:
      'Their records say why; `POST /v1/jobs/{job}/retry` tries one again once the cause is gone. They leave this list after a week.',
    raised: ({ now: { queue } }) => (queue.failed > 0 ? `Jobs kept for a look: ${queue.failed}.` : undefined),
  },
  {
    code: 'predictions_refused',
    severity: 'warning',
    title: 'Requests are refused because processes are busy',
    remedy:
      'Start more API processes, or give them more processors and `SCION_THREADS`. Clients see 429 `overloaded` and try again.',
    raised: (facts) =>
      read(facts, 'refused') > 0 ? `Requests told to come back: ${read(facts, 'refused')}.` : undefined,
  },
  {
    code: 'predictions_slow',
    severity: 'warning',
    title: 'Predictions are slow',
    remedy:
      'Start more API processes, or give them more processors and `SCION_THREADS`; keep workers off their processors (`SCION_WORKER_NICE`).',
    raised: (_, { predictP99Ms, predictedRows }) =>
      predictedRows >= 100 && predictP99Ms !== null && predictP99Ms > 1_000
        ? `One answer in a hundred takes longer than ${Math.round(predictP99Ms)} ms.`
        : undefined,
  },
  {
    code: 'cache_too_small',
    severity: 'warning',
    title: 'Adapters are loaded again and again',
    remedy: 'Raise `SCION_CACHE_MB`, or send each user’s requests to the same process.',
    raised: (facts, { cacheHitRate }) => {
      const { bytes, budgetBytes } = facts.now.cache;
      const lookups = read(facts, 'cache:hits') + read(facts, 'cache:misses');
      if (lookups < 100 || cacheHitRate === null || cacheHitRate > 0.5 || bytes < 0.9 * budgetBytes) {
        return undefined;
      }
      return `${percent(cacheHitRate)} of ${lookups} lookups found their adapter in a full cache.`;
    },
  },
  {
    code: 'webhooks_failing',
    severity: 'warning',
    title: 'Webhooks are not accepted',
    remedy:
      'The delivery log of each webhook (`GET /v1/webhooks/{webhook}/deliveries`) shows status and error; tell the tenant. Deliveries are repeated for a day.',
    raised: (facts, { webhookFailureRate }) => {
      const failed = read(facts, 'hook:failed');
      return failed >= 5 && webhookFailureRate !== null && webhookFailureRate >= 0.2
        ? `${failed} attempts failed (${percent(webhookFailureRate)}).`
        : undefined;
    },
  },
  {
    code: 'few_promotions',
    severity: 'warning',
    title: 'New versions hardly ever win',
    remedy:
      'The gate’s reason stands in each job (`gate.reason`). Wait for more examples before training again (`retrain.afterExamples`), and look whether labels contradict each other.',
    raised: (facts, { promotionRate }) => {
      const judged = read(facts, 'gate:promoted') + read(facts, 'gate:kept');
      return judged >= 10 && promotionRate !== null && promotionRate < 0.1
        ? `${read(facts, 'gate:promoted')} of ${judged} versions went live.`
        : undefined;
    },
  },
];

export function alertsOf(facts: AlertFacts): Alert[] {
  const totals = totalsOf(facts.recent);
  return rules.flatMap(({ raised, ...rule }) => {
    const detail = raised(facts, totals);
    return detail === undefined ? [] : [{ ...rule, detail }];
  });
}
