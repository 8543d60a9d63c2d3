import '../../styles/model.css';
import type { Model, ModelVersion, Page } from '@scion/sdk';
import { useState } from 'preact/hooks';
import { useLive } from '../../data/live.js';
import { count, plural } from '../../format.js';
import { hrefOf, parameter, route, setParameters } from '../../navigation.js';
import { ErrorNote, Loading } from '../../parts/notice.js';
import { PageHead } from '../../parts/page-head.js';
import type { TenantPageProps } from '../pages.js';
import { Compare } from './compare.js';
import { Calibration, Confusion, Labels } from './evaluation.js';
import { History } from './history.js';
import { LearningCurve } from './learning-curve.js';
import { MakeLive } from './make-live.js';
import { ModelActions } from './model-actions.js';
import { Residence } from './residence.js';
import { Timeline } from './timeline.js';
import { VersionPanel } from './version-panel.js';

/** One user's model: what is live and how good it is, every version there is, and the way back. */
export function ModelPage({ scope }: TenantPageProps) {
  const { task, user } = route.value.model ?? { task: '', user: '' };
  const [switchTo, setSwitchTo] = useState<number | null>(null);
  const live = useLive<{ model: Model; versions: Page<ModelVersion> }>(
    `model ${task} ${user}`,
    async (signal) => {
      const [model, versions] = await Promise.all([
        scope.client.models.get(task, user, { signal }),
        scope.client.models.versions(task, user, { limit: 100 }, { signal }),
      ]);
      return { model, versions };
    },
    3_000,
  );
  const within = (
    <>
      <a href={hrefOf({ page: 'models' })}>Models</a> /{' '}
      <a href={hrefOf({ page: 'models', query: { task: [task] } })}>{task}</a>
    </>
  );
  if (!live.data) {
    return (
      <>
        <PageHead title={user} within={within} />
        {live.error === undefined ? (
          <Loading rows={8} what="the model" />
        ) : (
          <ErrorNote error={live.error} retry={live.refresh} />
        )}
      </>
    );
  }
  const { model, versions } = live.data;
  const oldestFirst = [...versions.data].sort((a, b) => a.version - b.version);
  const find = (name: string) => oldestFirst.find(({ version }) => String(version) === parameter(name));
  const chosen = find('version') ?? oldestFirst.find((one) => one.live) ?? oldestFirst.at(-1);
  const against = find('against');
  return (
    <>
      <PageHead
        title={user}
        within={within}
        beside={
          model.live ? (
            <span class="badge badge-live">version {model.live.version} live</span>
          ) : (
            <span class="badge badge-queued">nothing live</span>
          )
        }
        about={`${plural(model.examples, 'example')}, ${plural(model.versions, 'version')}${newer(model)}`}
        actions={<ModelActions model={model} scope={scope} onRollBack={setSwitchTo} />}
      />
      {live.error !== undefined && <ErrorNote error={live.error} retry={live.refresh} stale />}
      {oldestFirst.length === 0 && (
        <p class="curve-none quiet">No version has been trained of these examples yet.</p>
      )}
      {chosen && (
        <>
          <Timeline
            versions={oldestFirst}
            chosen={chosen.version}
            onChoose={(version) => setParameters({ version: String(version) })}
          />
          <div class="columns">
            <div class="column">
              <VersionPanel
                version={chosen}
                versions={oldestFirst}
                against={against}
                scope={scope}
                model={model}
                onMakeLive={setSwitchTo}
                onChange={live.refresh}
              />
              {against && against.version !== chosen.version && <Compare left={against} right={chosen} />}
              <LearningCurve versions={oldestFirst} />
            </div>
            <div class="column">
              <Labels card={chosen.card} />
              <Confusion card={chosen.card} />
              <Calibration card={chosen.card} />
              <History entries={model.history} />
              <Residence model={model} scope={scope} />
            </div>
          </div>
        </>
      )}
      {switchTo !== null && (
        <MakeLive
          version={switchTo}
          model={model}
          scope={scope}
          onDone={live.refresh}
          onClose={() => setSwitchTo(null)}
        />
      )}
    </>
  );
}

function newer({ live, examples }: Model): string {
  const more = live ? examples - live.card.examples : 0;
  return more > 0 ? `; ${count(more)} came after the live one` : '';
}
