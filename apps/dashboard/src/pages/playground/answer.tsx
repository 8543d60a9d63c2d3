import type { PredictResponse, Task } from '@scion/sdk';
import { isScionError } from '@scion/sdk';
import { useEffect, useState } from 'preact/hooks';
import { type AnyPrediction, corrections, probabilitiesOf, saidIn, says } from '../../data/prediction.js';
import { percent } from '../../format.js';
import { hrefOf } from '../../navigation.js';
import { Bar } from '../../parts/bar.js';
import { describeError } from '../../parts/notice.js';
import type { Scope } from '../../scope.js';
import { may } from '../../session.js';
import { useTeaching } from './teaching.js';

/** Pause in typing after which the text is asked about. */
const typingPauseMs = 220;

interface AnswerProps {
  scope: Scope;
  task: Task;
  user: string;
  text: string;
}

interface Answered {
  text: string;
  response?: PredictResponse;
  error?: unknown;
  /** What the model said of this very text before it learnt. */
  before?: { said: string | null; version: number | null } | undefined;
}

/** What one user's live model says of the text, and what it says after it was corrected. */
export function Answer({ scope, task, user, text }: AnswerProps) {
  const [answer, setAnswer] = useState<Answered>();
  const teaching = useTeaching(scope, task.name, user);
  const asked = text.trim();

  // `learnt` changes when a lesson has been learnt: the same text is asked again then.
  useEffect(() => {
    if (asked === '') {
      setAnswer(undefined);
      return;
    }
    const controller = new AbortController();
    const ask = async () => {
      try {
        const response = await scope.client.predict(
          { task: task.name, user, inputs: [asked] },
          { signal: controller.signal },
        );
        setAnswer((known) => ({ text: asked, response, before: beforeOf(known, asked, response) }));
      } catch (error) {
        if (!controller.signal.aborted) setAnswer({ text: asked, error });
      }
    };
    const timer = setTimeout(ask, answer?.text === asked ? 0 : typingPauseMs);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [asked, task.name, user, teaching.learnt]);

  const prediction = answer?.response?.predictions[0];
  const untrained = isScionError(answer?.error, 'model_not_trained');
  return (
    <article class="answer" aria-label={user} aria-busy={asked !== '' && answer?.text !== asked}>
      <header>
        <h2>
          <a href={hrefOf({ page: 'models', model: { task: task.name, user } })}>{user}</a>
        </h2>
        <span class="quiet">{answer?.response && sourceOf(answer.response)}</span>
      </header>
      {answer?.error !== undefined ? (
        <p class={untrained ? 'quiet' : 'bad'} role="alert">
          {describeError(answer.error).title}.
        </p>
      ) : prediction && answer ? (
        <Says prediction={prediction} before={answer.before} />
      ) : (
        <p class="answer-label quiet">{asked === '' ? 'waits for a text' : '…'}</p>
      )}
      {may('train') && asked !== '' && answer && (
        <Teach
          labels={task.labels ?? (prediction ? Object.keys(probabilitiesOf(prediction)) : [])}
          prediction={prediction}
          teaching={teaching}
          text={asked}
        />
      )}
    </article>
  );
}

function Says({ prediction, before }: { prediction: AnyPrediction; before: Answered['before'] }) {
  const said = saidIn(prediction);
  const flipped = before !== undefined && before.said !== said;
  return (
    <>
      <p class="answer-label" aria-live="polite">
        {said ?? <span class="quiet">abstains</span>}
        {flipped && (
          <span class="flipped">
            {' '}
            was {before.said ?? 'undecided'} by v{before.version}
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
  prediction: AnyPrediction | undefined;
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
        {job.state === 'running' || job.state === 'queued' ? (
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
      {prediction && 'value' in prediction ? (
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

/** What to compare a new answer with: that of an earlier version to the same text. */
function beforeOf(known: Answered | undefined, text: string, next: PredictResponse): Answered['before'] {
  const last = known?.response;
  if (!last || known.text !== text) return undefined;
  if (last.version === next.version) return known.before;
  const first = last.predictions[0];
  return { said: first ? saidIn(first) : null, version: last.version };
}

function sourceOf(response: PredictResponse): string {
  return response.source === 'model' ? `version ${response.version}` : 'no model: nearest label name';
}
