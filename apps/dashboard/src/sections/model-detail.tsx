import type { AliasEntry, Model, ModelVersion, Page } from '@scion/sdk';
import { useState } from 'preact/hooks';
import { bytes, count, duration, loss, percent, plural, shortHash } from '../format.js';
import { useLive } from '../live.js';
import { hrefOf } from '../navigation.js';
import { Bar } from '../parts/bar.js';
import { ConfirmDialog } from '../parts/confirm-dialog.js';
import { Copyable } from '../parts/copyable.js';
import { Fact, Facts } from '../parts/facts.js';
import { ErrorNote, Loading } from '../parts/notice.js';
import { Time } from '../parts/time.js';
import type { Scope } from '../scope.js';

/** One user's model: what is live and how good it is, every version there is, and the way back. */
export function ModelDetail({ task, user, scope }: { task: string; user: string; scope: Scope }) {
  const [asksFor, setAsksFor] = useState<number | null>(null);
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
  if (!live.data) {
    return (
      <article class="details" data-details>
        {live.error !== undefined ? (
          <ErrorNote error={live.error} retry={live.refresh} />
        ) : (
          <Loading rows={5} what="the model" />
        )}
      </article>
    );
  }
  const { model, versions } = live.data;
  const newestFirst = [...versions.data].sort((a, b) => b.version - a.version);
  const before = model.history.find((entry) => entry.version !== model.live?.version)?.version;
  return (
    <article class="details" data-details aria-label={`Model of ${user}, ${task}`}>
      <header class="details-head">
        <div>
          <h3>{user}</h3>
          <p class="quiet">
            {task} · <a href={hrefOf({ section: 'playground', play: { task, users: [user] } })}>try it</a>
          </p>
        </div>
        {model.live ? (
          <span class="badge badge-live">version {model.live.version} live</span>
        ) : (
          <span class="badge badge-queued">nothing live</span>
        )}
        {model.live && before !== undefined && (
          <button type="button" class="button" onClick={() => setAsksFor(before)}>
            Roll back to v{before}
          </button>
        )}
      </header>
      {live.error !== undefined && <ErrorNote error={live.error} retry={live.refresh} stale />}
      {model.live ? (
        <LiveVersion live={model.live} examples={model.examples} />
      ) : (
        <NothingLive model={model} />
      )}
      {newestFirst.length > 0 && <Versions versions={newestFirst} onMakeLive={setAsksFor} />}
      {model.history.length > 0 && <History entries={model.history} />}
      {asksFor !== null && (
        <ConfirmDialog
          title={`Make version ${asksFor} live?`}
          confirm={`Make v${asksFor} live`}
          onConfirm={async () => {
            await scope.client.models.rollback(task, user, asksFor);
            live.refresh();
          }}
          onClose={() => setAsksFor(null)}
        >
          <p>
            Predictions for {user} switch to it at once and without a gap.
            {model.live && ` Version ${model.live.version} is kept and can be made live again.`}
          </p>
        </ConfirmDialog>
      )}
    </article>
  );
}

function NothingLive({ model }: { model: Model }) {
  return (
    <p class="quiet">
      {model.versions === 0
        ? `${plural(model.examples, 'example')} so far, and no trained version.`
        : `${plural(model.versions, 'version')} trained, and none was good enough to go live.`}
    </p>
  );
}

function LiveVersion({ live, examples }: { live: ModelVersion; examples: number }) {
  const { card } = live;
  const { candidate, majority } = card.gate;
  const perLabel = Object.entries(card.examplesPerLabel).sort(([, a], [, b]) => b - a);
  const commonest = perLabel[0]?.[1] ?? 1;
  const newer = examples - card.examples;
  return (
    <>
      <div class="versus">
        <Versus name="This model" share={candidate.accuracy ?? Math.max(0, candidate.r2 ?? 0)} tone="leaf" />
        <Versus
          name={card.kind === 'regression' ? 'Always the mean value' : 'Always the commonest label'}
          share={majority.accuracy ?? 0}
          tone="quiet"
        />
        <p class="quiet">
          {card.kind === 'regression' ? 'R²' : 'Accuracy'} on {plural(candidate.rows, 'example')} held out of
          training, in cross-validation.
        </p>
      </div>
      <Facts>
        <Fact name="Macro F1">{percent(candidate.macroF1)}</Fact>
        <Fact name="Log loss">{loss(candidate.logLoss)} nats</Fact>
        <Fact name="Adapter">
          <span title={`${count(live.adapterBytes)} bytes`}>{bytes(live.adapterBytes)}</span>
        </Fact>
        <Fact name="Trained on">
          {plural(card.examples, 'example')}
          {newer > 0 && <span class="quiet"> ({count(newer)} newer)</span>}
        </Fact>
        <Fact name="Trained">
          <Time at={card.createdAt} />
        </Fact>
        <Fact name="Embed, fit">
          {duration(card.seconds.embed * 1000)}, {duration(card.seconds.fit * 1000)}
        </Fact>
        <Fact name="Adapter SHA-256">
          <Copyable value={live.adapterSha256} shown={shortHash(live.adapterSha256)} what="adapter hash" />
        </Fact>
        <Fact name="Base SHA-256">
          <Copyable value={card.baseSha256} shown={shortHash(card.baseSha256)} what="base hash" />
        </Fact>
      </Facts>
      <ul class="labels" aria-label="Examples per label">
        {perLabel.map(([label, rows]) => (
          <li key={label}>
            <span class="labels-name">{label}</span>
            <Bar share={rows / commonest} tone="root" />
            <span class="number">{count(rows)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

function Versus({ name, share, tone }: { name: string; share: number; tone: 'leaf' | 'quiet' }) {
  return (
    <div class="versus-row">
      <span>{name}</span>
      <Bar share={share} tone={tone} />
      <strong class="number">{percent(share)}</strong>
    </div>
  );
}

function Versions({ versions, onMakeLive }: { versions: ModelVersion[]; onMakeLive(version: number): void }) {
  return (
    <div class="table-frame">
      <table>
        <caption>Versions</caption>
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col" class="number">
              Accuracy
            </th>
            <th scope="col" class="number from-small">
              Examples
            </th>
            <th scope="col" class="number from-small">
              Adapter
            </th>
            <th scope="col">Trained</th>
            <th scope="col">
              <span class="hidden-text">Action</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {versions.map(({ version, live, adapterBytes, card }) => (
            <tr key={version}>
              <td>
                <a href={hrefOf({ section: 'jobs', job: card.jobId })} title={`Trained by ${card.jobId}`}>
                  v{version}
                </a>
              </td>
              <td class="number">{percent(card.gate.candidate.accuracy)}</td>
              <td class="number from-small">{count(card.examples)}</td>
              <td class="number from-small" title={`${count(adapterBytes)} bytes`}>
                {bytes(adapterBytes)}
              </td>
              <td>
                <Time at={card.createdAt} as="ago" />
              </td>
              <td class="number">
                {live ? (
                  <span class="badge badge-live">live</span>
                ) : (
                  <button type="button" class="button button-small" onClick={() => onMakeLive(version)}>
                    Make live
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Switches of `live`, newest first. */
function History({ entries }: { entries: AliasEntry[] }) {
  return (
    <>
      <h4>History</h4>
      <ol class="history">
        {entries.slice(0, 12).map((entry) => (
          <li key={`${entry.at} ${entry.version}`}>
            <strong>v{entry.version}</strong>{' '}
            {entry.reason === 'rollback' ? 'made live by hand' : 'passed the gate'}{' '}
            <span class="quiet">
              <Time at={entry.at} />
              {' · '}
              {entry.by.startsWith('job_') ? (
                <a href={hrefOf({ section: 'jobs', job: entry.by })}>job …{entry.by.slice(-6)}</a>
              ) : (
                <span title={entry.by}>key …{entry.by.slice(-6)}</span>
              )}
            </span>
          </li>
        ))}
      </ol>
    </>
  );
}
