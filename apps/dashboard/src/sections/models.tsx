import type { Model, ModelSummary, Page } from '@scion/sdk';
import { useState } from 'preact/hooks';
import { bytes, count, percent } from '../format.js';
import { useLive } from '../live.js';
import { chosen, hrefOf } from '../navigation.js';
import { Empty, ErrorNote, Loading } from '../parts/notice.js';
import { Time } from '../parts/time.js';
import type { Scope } from '../scope.js';
import { ModelDetail } from './model-detail.js';
import { Section } from './section.js';

const rowsPerStep = 10;

export function ModelsSection({ scope, waiting }: { scope: Scope | undefined; waiting: boolean }) {
  return (
    <Section name="models" title="Models" about="One for each user of a task.">
      {scope ? (
        <Models key={scope.tenantId} scope={scope} />
      ) : waiting ? (
        <Loading rows={4} what="models" />
      ) : (
        <Empty title="Models appear here once there is a tenant" />
      )}
    </Section>
  );
}

function Models({ scope }: { scope: Scope }) {
  const [limit, setLimit] = useState(rowsPerStep);
  const models = useLive<Page<ModelSummary>>(
    `models ${scope.tenantId} ${limit}`,
    (signal) => scope.client.models.list({ limit }, { signal }),
    5_000,
  );
  const rows = models.data?.data;
  const selected = chosen.value.model ?? rows?.[0];
  return (
    <>
      {models.error !== undefined && (
        <ErrorNote error={models.error} retry={models.refresh} stale={models.data !== undefined} />
      )}
      {!rows && models.error === undefined && <Loading rows={4} what="models" />}
      {rows?.length === 0 && !chosen.value.model && (
        <Empty title="No models yet">
          <p>A user’s first job that goes well makes one.</p>
        </Empty>
      )}
      {selected && (
        <div class="split">
          <div class="table-frame">
            <table>
              <caption class="hidden-text">Models of this tenant</caption>
              <thead>
                <tr>
                  <th scope="col">User</th>
                  <th scope="col" class="number">
                    Live
                  </th>
                  <th scope="col" class="number">
                    Accuracy
                  </th>
                  <th scope="col" class="number from-small">
                    Adapter
                  </th>
                  <th scope="col" class="number from-medium">
                    Examples
                  </th>
                  <th scope="col" class="from-medium">
                    Trained
                  </th>
                </tr>
              </thead>
              <tbody>
                {rows?.map((row) => (
                  <ModelRow
                    key={`${row.task} ${row.user}`}
                    row={row}
                    scope={scope}
                    selected={row.task === selected.task && row.user === selected.user}
                  />
                ))}
              </tbody>
            </table>
            {models.data?.nextCursor && (
              <button type="button" class="button more" onClick={() => setLimit(limit + rowsPerStep * 2)}>
                Show more models
              </button>
            )}
          </div>
          <ModelDetail
            key={`${selected.task} ${selected.user}`}
            task={selected.task}
            user={selected.user}
            scope={scope}
          />
        </div>
      )}
    </>
  );
}

/** The list names models only; each row asks for its own figures. */
function ModelRow({ row, scope, selected }: { row: ModelSummary; scope: Scope; selected: boolean }) {
  const { task, user } = row;
  const model = useLive<Model>(
    `model row ${task} ${user}`,
    (signal) => scope.client.models.get(task, user, { signal }),
    10_000,
  );
  const live = model.data?.live;
  const metrics = live?.card.gate.candidate;
  return (
    <tr class="row" aria-selected={selected}>
      <td class="model-cell">
        <a
          class="row-link"
          href={hrefOf({ section: 'models', model: { task, user } })}
          title={`${task}, ${user}`}
        >
          {user}
        </a>
        <span class="quiet">{task}</span>
      </td>
      <td class="number">
        {live ? `v${live.version}` : <span class="quiet">{model.data ? 'none' : '…'}</span>}
      </td>
      <td class="number">{metrics ? percent(metrics.accuracy) : '–'}</td>
      <td class="number from-small">{live ? <Exact value={live.adapterBytes} /> : '–'}</td>
      <td class="number from-medium">{model.data ? count(model.data.examples) : '–'}</td>
      <td class="from-medium">{live ? <Time at={live.card.createdAt} as="ago" /> : '–'}</td>
    </tr>
  );
}

function Exact({ value }: { value: number }) {
  return <span title={`${count(value)} bytes`}>{bytes(value)}</span>;
}
