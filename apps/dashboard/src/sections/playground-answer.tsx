import type { PredictResponse } from '@scion/sdk';
import { useEffect, useState } from 'preact/hooks';
import { percent } from '../format.js';
import { hrefOf } from '../navigation.js';
import { Bar } from '../parts/bar.js';
import { describeError } from '../parts/notice.js';
import type { Scope } from '../scope.js';

/** Pause in typing after which the text is asked about. */
const typingPauseMs = 220;

interface AnswerProps {
  scope: Scope;
  task: string;
  user: string;
  text: string;
}

/** What one user's live model says of the text. */
export function PlaygroundAnswer({ scope, task, user, text }: AnswerProps) {
  const [answer, setAnswer] = useState<{ text: string; response?: PredictResponse; error?: unknown }>();
  const asked = text.trim();

  // Not on `scope`: a client made anew for the same tenant is no reason to ask again.
  useEffect(() => {
    if (asked === '') {
      setAnswer(undefined);
      return;
    }
    const controller = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const response = await scope.client.predict(
          { task, user, inputs: [asked] },
          { signal: controller.signal },
        );
        setAnswer({ text: asked, response });
      } catch (error) {
        if (!controller.signal.aborted) setAnswer({ text: asked, error });
      }
    }, typingPauseMs);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [asked, task, user]);

  const prediction = answer?.response?.predictions[0];
  return (
    <article class="answer" aria-busy={asked !== '' && answer?.text !== asked}>
      <header>
        <h3>
          <a href={hrefOf({ section: 'models', model: { task, user } })}>{user}</a>
        </h3>
        <span class="quiet">{answer?.response && sourceOf(answer.response)}</span>
      </header>
      {answer?.error !== undefined ? (
        <p class="answer-problem" role="alert">
          {describeError(answer.error).title}.
        </p>
      ) : prediction && answer?.response ? (
        <>
          <p class="answer-label" aria-live="polite">
            {saidIn(prediction) || <span class="quiet">abstains</span>}
          </p>
          <ul class="probabilities">
            {Object.entries('probabilities' in prediction ? prediction.probabilities : {})
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([label, probability]) => (
                <li key={label} class={isSaid(label, prediction) ? 'probability-top' : ''}>
                  <span class="labels-name">{label}</span>
                  <Bar share={probability} tone={isSaid(label, prediction) ? 'leaf' : 'quiet'} />
                  <span class="number">{percent(probability)}</span>
                </li>
              ))}
          </ul>
        </>
      ) : (
        <p class="answer-label quiet">{asked === '' ? 'waits for a text' : '…'}</p>
      )}
    </article>
  );
}

function sourceOf(response: PredictResponse): string {
  return response.source === 'model' ? `version ${response.version}` : 'no model: nearest label name';
}

type AnyPrediction = PredictResponse['predictions'][number];

/** What a prediction says, of whatever kind; nothing where it abstains. */
function saidIn(prediction: AnyPrediction): string {
  if ('value' in prediction) return prediction.value.toPrecision(4);
  if ('label' in prediction) return prediction.label ?? '';
  return prediction.abstained ? '' : prediction.labels.join(', ') || 'no label';
}

function isSaid(label: string, prediction: AnyPrediction): boolean {
  if ('label' in prediction) return prediction.label === label;
  return 'labels' in prediction && prediction.labels.includes(label);
}
