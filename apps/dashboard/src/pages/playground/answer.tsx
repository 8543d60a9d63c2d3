import type { Task, UserAnswer } from '@scion/sdk';
import type { Answered } from '../../data/answers.js';
import { type AnyPrediction, corrections, probabilitiesOf, saidIn, says } from '../../data/prediction.js';
import { percent } from '../../format.js';
import { hrefOf } from '../../navigation.js';
import { Bar } from '../../parts/bar.js';
import { describeError } from '../../parts/notice.js';
import type { Scope } from '../../scope.js';
import { may } from '../../session.js';
import { useTeaching } from './teaching.js';

interface AnswerProps {
  scope: Scope;
  task: Task;
  user: string;
  /** Without the space around it; empty where nothing is asked. */
  text: string;
  /** Undefined until this user's model was asked of a text. */
  answered: Answered | undefined;
  /** The answer is to an earlier text, and one to this is on its way. */
  busy: boolean;
  onLearnt(): void;
}

/** What one user's live model says of the text, and what it says after it was corrected. */
export function Answer({ scope, task, user, text, answered, busy, onLearnt }: AnswerProps) {
  const teaching = useTeaching(scope, task.name, user, onLearnt);
  const answer = answered?.answer;
  const problem = answer && 'problem' in answer ? answer.problem : undefined;
  const prediction = answer && 'predictions' in answer ? answer.predictions[0] : undefined;
  return (
    <article class="answer" aria-label={user} aria-busy={busy}>
      <header>
        <h2>
          <a href={hrefOf({ page: 'models', model: { task: task.name, user } })}>{user}</a>
        </h2>
        <span class="quiet">{answer && sourceOf(answer)}</span>
      </header>
      {problem ? (
        <p class={problem.code === 'model_not_trained' ? 'quiet' : 'bad'} role="alert">
          {problem.detail}
        </p>
      ) : prediction ? (
        <Says prediction={prediction} before={answered?.before} />
      ) : (
        <p class="answer-label quiet">{text === '' ? 'waits for a text' : '…'}</p>
      )}
      {may('train') && text !== '' && prediction && (
        <Teach
          labels={task.labels ?? Object.keys(probabilitiesOf(prediction))}
          prediction={prediction}
          teaching={teaching}
          text={text}
        />
      )}
    </article>
  );
}

function Says({ prediction, before }: { prediction: AnyPrediction; before: Answered['before'] }) {
  const said = saidIn(prediction);
  const saidBefore = before && saidIn(before.prediction);
  return (
    <>
      <p class="answer-label" aria-live="polite">
        {said ?? <span class="quiet">abstains</span>}
        {before && saidBefore !== said && (
          <span class="flipped">
            {' '}
            was {saidBefore ?? 'undecided'} by v{before.version}
          </span>
        )}
      </p>
      <ul class="probabilities">
        {Object.entries(probabilitiesOf(prediction))
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([label, probability]) => (
            <li key={label} class={says(prediction, label) ? 'probability-top' : ''}>
              <span class="probability-label" title={label}>
                {label}
              </span>
              <Bar share={probability} tone={says(prediction, label) ? 'leaf' : 'quiet'} />
              <span class="number" title={String(probability)}>
                {percent(probability)}
              </span>
            </li>
          ))}
      </ul>
    </>
  );
}

interface TeachProps {
  labels: string[];
  prediction: AnyPrediction;
  teaching: ReturnType<typeof useTeaching>;
  text: string;
}

/** Corrects the model: the text becomes an example with the right label, and a job trains on it. */
function Teach({ labels, prediction, teaching, text }: TeachProps) {
  const { job, error, teach } = teaching;
  if (job) {
    const learnt = job.state === 'succeeded';
    return (
      <div class="teach" aria-live="polite">
        {error !== undefined ? (
          <span>
            <span class="bad">{describeError(error).detail}</span> The job goes on without this page:{' '}
            <a href={hrefOf({ page: 'jobs', job: job.id })}>watch it</a>, or{' '}
            <button type="button" class="link" onClick={teaching.reset}>
              teach again
            </button>
            .
          </span>
        ) : job.state === 'running' || job.state === 'queued' ? (
          <>
            <span>
              Learning… <a href={hrefOf({ page: 'jobs', job: job.id })}>watch the job</a>
            </span>
            <Bar share={job.state === 'queued' ? 0 : job.progress} spoken={percent(job.progress)} />
          </>
        ) : (
          <span>
            {learnt && job.gate?.promoted ? (
              <span class="good">Learnt: version {job.version} is live.</span>
            ) : learnt ? (
              <span class="kept">Version {job.version} was kept back by the gate.</span>
            ) : (
              <span class="bad">The job {job.state}.</span>
            )}{' '}
            <a href={hrefOf({ page: 'jobs', job: job.id })}>Why</a>{' '}
            <button type="button" class="link" onClick={teaching.reset}>
              Teach again
            </button>
          </span>
        )}
      </div>
    );
  }
  return (
    <div class="teach">
      {error !== undefined && <span class="bad">{describeError(error).detail} </span>}
      <span class="quiet">Correct it:</span>
      {'value' in prediction ? (
        <TeachValue busy={teaching.busy} onTeach={(value) => teach(text, value)} />
      ) : (
        corrections(prediction, labels)
          .slice(0, 8)
          .map(({ shown, answer }) => (
            <button
              key={shown}
              type="button"
              class="button button-small"
              disabled={teaching.busy}
              onClick={() => teach(text, answer)}
            >
              {shown}
            </button>
          ))
      )}
    </div>
  );
}

function TeachValue({ busy, onTeach }: { busy: boolean; onTeach(value: number): void }) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    onTeach(Number(new FormData(event.currentTarget as HTMLFormElement).get('value')));
  };
  return (
    <form class="field" onSubmit={submit}>
      <label>
        <span class="hidden-text">Right value</span>
        <input class="input-small" name="value" type="number" step="any" required />
      </label>
      <button type="submit" class="button button-small" disabled={busy}>
        Teach
      </button>
    </form>
  );
}

function sourceOf(answer: UserAnswer): string {
  if ('problem' in answer) return '';
  if (answer.source === 'model') return `version ${answer.version}`;
  return answer.source === 'majority' ? 'no model: most frequent label' : 'no model: nearest label name';
}
