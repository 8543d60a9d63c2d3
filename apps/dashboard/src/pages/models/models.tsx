import type { ModelSummary } from '@scion/sdk';
import { useMemo } from 'preact/hooks';
import { useRows } from '../../data/rows.js';
import { count, percent } from '../../format.js';
import { hrefOf, parameter, setParameters } from '../../navigation.js';
import { Choice } from '../../parts/choice.js';
import { Exact } from '../../parts/exact.js';
import { momentSince, SinceFilter, TaskFilter, UserFilter } from '../../parts/filters.js';
import { LongTable } from '../../parts/long-table.js';
import { Empty } from '../../parts/notice.js';
import { PageHead } from '../../parts/page-head.js';
import { Time } from '../../parts/time.js';
import type { ListScope } from '../../scope.js';
import type { ListPageProps } from '../pages.js';

const states = [
  ['', 'All'],
  ['live', 'Live'],
  ['untrained', 'Nothing live'],
] as const;
type State = (typeof states)[number][0];

/** Every model of a tenant or of all: one for each user of a task. */
export function ModelsPage({ scope }: ListPageProps) {
  const asked = parameter('state');
  const state: State = asked === 'live' || asked === 'untrained' ? asked : '';
  const filter = { state, task: parameter('task'), user: parameter('user'), since: parameter('since') };
  return (
    <>
      <PageHead
        title="Models"
        about={`${scope.tenantId === undefined ? 'Of all tenants. ' : ''}One for each user of a task.`}
      />
      <search class="filters" aria-label="Filter models">
        <Choice
          label="State"
          options={states}
          value={state}
          onChoose={(value) => setParameters({ state: value })}
        />
        <TaskFilter scope={scope} />
        <UserFilter />
        <SinceFilter />
      </search>
      <ModelList key={JSON.stringify(filter)} scope={scope} filter={filter} />
    </>
  );
}

interface ModelFilter {
  state: State;
  task: string | undefined;
  user: string | undefined;
  since: string | undefined;
}

function ModelList({ scope, filter }: { scope: ListScope; filter: ModelFilter }) {
  const { state, task, user, since } = filter;
  const from = useMemo(() => momentSince(since), [since]);
  const models = useRows<ModelSummary>({
    key: `models ${JSON.stringify(filter)}`,
    load: (cursor, signal) =>
      scope.client.models.list(
        { state: state || undefined, task, user, from, cursor, limit: 100 },
        { signal },
      ),
    idOf,
    intervalMs: 4_000,
  });
  const filtered = Object.values(filter).some(Boolean);
  return (
    <LongTable
      rows={models}
      what="models"
      caption="Models"
      head={<ModelHead />}
      idOf={idOf}
      row={(row, index) => <ModelRow row={row} index={index} scope={scope} />}
      empty={
        <Empty title={filtered ? 'No model fits these filters' : 'No models yet'}>
          {filtered ? (
            <p>
              <button
                type="button"
                class="button"
                onClick={() => setParameters({ state: '', task: '', user: '', since: '' })}
              >
                Show all models
              </button>
            </p>
          ) : (
            <p>A user’s first job that goes well makes one.</p>
          )}
        </Empty>
      }
    />
  );
}

const idOf = ({ tenantId, task, user }: ModelSummary) => `${tenantId} ${task} ${user}`;

function ModelHead() {
  return (
    <tr>
      <th scope="col">User and task</th>
      <th scope="col" class="col-short number">
        Live
      </th>
      <th scope="col" class="col-number number">
        Accuracy
      </th>
      <th scope="col" class="col-number number from-small">
        Examples
      </th>
      <th scope="col" class="col-number number from-large">
        Labels
      </th>
      <th scope="col" class="col-number number from-large">
        Adapter
      </th>
      <th scope="col" class="col-time from-medium">
        Trained
      </th>
      <th scope="col" class="col-state from-medium">
        Last job
      </th>
    </tr>
  );
}

function ModelRow({ row, index, scope }: { row: ModelSummary; index: number; scope: ListScope }) {
  const { tenantId, task, user, live, lastJob } = row;
  const name = scope.tenantId === undefined ? (scope.names.get(tenantId) ?? `…${tenantId.slice(-6)}`) : null;
  return (
    <tr class="row" aria-rowindex={index}>
      <td class="cell-model">
        <a
          class="row-link"
          href={hrefOf({ page: 'models', tenant: tenantId, model: { task, user } })}
          title={`${user}\n${task}`}
        >
          {user}
        </a>
        <span class="quiet">
          {task}
          {name && ` · ${name}`}
        </span>
      </td>
      <td class="number">{live ? `v${live.version}` : <span class="quiet">none</span>}</td>
      <td class="number">{live ? percent(live.accuracy) : '–'}</td>
      <td class="number from-small">{live ? count(live.examples) : '–'}</td>
      <td class="number from-large">{live ? count(live.labels) : '–'}</td>
      <td class="number from-large">{live ? <Exact value={live.adapterBytes} /> : '–'}</td>
      <td class="from-medium">{live ? <Time at={live.createdAt} as="ago" /> : '–'}</td>
      <td class="from-medium cell-above">
        {lastJob ? (
          <a
            class={`badge badge-${lastJob.state}`}
            href={hrefOf({ page: 'jobs', tenant: tenantId, job: lastJob.id })}
          >
            {lastJob.state}
          </a>
        ) : (
          '–'
        )}
      </td>
    </tr>
  );
}
