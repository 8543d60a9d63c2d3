import type { Model, ModelVersion } from '@scion/sdk';
import { useState } from 'preact/hooks';
import { mainScore, measuresOf, type Scores, show } from '../../data/scores.js';
import { duration, plural, shortHash } from '../../format.js';
import { hrefOf, setParameters } from '../../navigation.js';
import { Bar } from '../../parts/bar.js';
import { Copyable } from '../../parts/copyable.js';
import { Exact } from '../../parts/exact.js';
import { Fact, Facts } from '../../parts/facts.js';
import { describeError } from '../../parts/notice.js';
import { Panel } from '../../parts/panel.js';
import { Time } from '../../parts/time.js';
import type { Scope } from '../../scope.js';
import { may } from '../../session.js';

interface VersionPanelProps {
  version: ModelVersion;
  versions: ModelVersion[];
  against: ModelVersion | undefined;
  model: Model;
  scope: Scope;
  onMakeLive(version: number): void;
  onChange(): void;
}

/** One version: how good it is, what it is made of, and what can be done with it. */
export function VersionPanel(props: VersionPanelProps) {
  const { card, version, live, adapterBytes, adapterSha256 } = props.version;
  const { candidate, majority } = card.gate;
  const main = mainScore(candidate);
  const recipe = Object.entries(card.recipe).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number' && entry[0] in recipeNames,
  );
  return (
    <Panel
      title={`Version ${version}`}
      note={`${card.method}, trained on ${plural(card.examples, 'example')}`}
      actions={<VersionActions {...props} />}
    >
      <div class="versus">
        <Versus name="This version" scores={candidate} tone={live ? 'leaf' : 'root'} />
        <Versus name="Always the commonest answer" scores={majority} tone="quiet" />
        <p class="quiet">
          {main.name} on {plural(candidate.rows, 'example')} it was not trained on.
        </p>
      </div>
      <p class="gate-says">
        <strong class={card.gate.promoted ? 'good' : 'kept'}>
          {card.gate.promoted ? 'It passed the gate.' : 'The gate kept it back.'}
        </strong>{' '}
        {card.gate.reason}
      </p>
      <Facts>
        {measuresOf(candidate)
          .slice(1)
          .map((measure) => (
            <Fact key={measure.name} name={measure.name}>
              <span title={String(measure.of(candidate))}>{show(measure, candidate)}</span>
            </Fact>
          ))}
        <Fact name="Adapter">
          <Exact value={adapterBytes} />
        </Fact>
        <Fact name="Trained">
          <Time at={card.createdAt} />
        </Fact>
        <Fact name="Embedding">{duration(card.seconds.embed * 1000)}</Fact>
        <Fact name="Fitting">{duration(card.seconds.fit * 1000)}</Fact>
        {card.recipe.startedFrom !== undefined && (
          <Fact name="Went on from">version {card.recipe.startedFrom}</Fact>
        )}
        {recipe.map(([name, value]) => (
          <Fact key={name} name={recipeNames[name]!}>
            {String(Number(value.toPrecision(3)))}
          </Fact>
        ))}
        <Fact name="Job">
          <a href={hrefOf({ page: 'jobs', job: card.jobId })}>…{card.jobId.slice(-6)}</a>
        </Fact>
        <Fact name="Adapter SHA-256">
          <Copyable value={adapterSha256} shown={shortHash(adapterSha256)} what="adapter hash" />
        </Fact>
        <Fact name="Base SHA-256">
          <Copyable value={card.baseSha256} shown={shortHash(card.baseSha256)} what="base hash" />
        </Fact>
      </Facts>
    </Panel>
  );
}

function VersionActions({
  version,
  versions,
  against,
  model,
  scope,
  onMakeLive,
  onChange,
}: VersionPanelProps) {
  const [problem, setProblem] = useState<unknown>();
  const others = versions.filter((other) => other.version !== version.version);
  const pin = async () => {
    const { pin, unpin } = scope.client.models;
    try {
      await (version.pinned ? unpin : pin)(model.task, model.user, version.version);
      onChange();
    } catch (error) {
      setProblem(error);
    }
  };
  return (
    <>
      {problem !== undefined && (
        <span class="action-problem" role="alert">
          {describeError(problem).title}.
        </span>
      )}
      {others.length > 0 && (
        <label class="field">
          <span class="quiet">Compare with</span>
          <select
            class="select-small"
            value={against?.version ?? ''}
            onChange={(event) => setParameters({ against: event.currentTarget.value })}
          >
            <option value="">none</option>
            {others.map((other) => (
              <option key={other.version} value={other.version}>
                v{other.version}
              </option>
            ))}
          </select>
        </label>
      )}
      {may('train') && (
        <button
          type="button"
          class="button button-small"
          title="A pinned version is never collected, and while it is live no job replaces it"
          onClick={pin}
        >
          {version.pinned ? 'Unpin' : 'Pin'}
        </button>
      )}
      {may('train') && !version.live && (
        <button type="button" class="button button-small" onClick={() => onMakeLive(version.version)}>
          Make live
        </button>
      )}
    </>
  );
}

/** Settings worth a look, as a person calls them. */
const recipeNames: Record<string, string> = {
  l2: 'L2 penalty',
  folds: 'Folds',
  temperature: 'Temperature',
  epochs: 'Epochs',
  adapterRate: 'Adapter learning rate',
  headRate: 'Head learning rate',
  batchRows: 'Rows a batch',
};

function Versus({ name, scores, tone }: { name: string; scores: Scores; tone: 'leaf' | 'root' | 'quiet' }) {
  const { value, shown } = mainScore(scores);
  return (
    <div class="versus-row">
      <span>{name}</span>
      <Bar share={value} tone={tone} />
      <strong class="number">{shown}</strong>
    </div>
  );
}
