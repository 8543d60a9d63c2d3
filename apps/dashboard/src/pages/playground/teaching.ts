import type { Job } from '@scion/sdk';
import { isFinished } from '@scion/sdk';
import { useEffect, useRef, useState } from 'preact/hooks';
import { outageRetries } from '../../data/job-events.js';
import type { Answer } from '../../data/prediction.js';
import type { Scope } from '../../scope.js';

/** A person who corrects a model means it: the correction weighs as much as several clicks. */
const weight = 5;

/** Corrects one user's model and follows the job that learns from it. */
export function useTeaching({ client }: Scope, task: string, user: string, onLearnt: () => void) {
  const [job, setJob] = useState<Job>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const left = useRef(new AbortController());
  useEffect(() => () => left.current.abort(), []);

  const teach = async (input: string, label: Answer) => {
    const { signal } = left.current;
    setBusy(true);
    setError(undefined);
    try {
      await client.examples.append(task, user, [{ input, label, weight }], { signal });
      const made = await client.jobs.create({ task, user }, { signal });
      setJob(made);
      for await (const event of client.jobs.events(made.id, { signal, maxRetries: outageRetries })) {
        setJob((known) => known && { ...known, ...pick(event) });
        if (event.state && isFinished(event.state)) break;
      }
      setJob(await client.jobs.get(made.id, { signal }));
      onLearnt();
    } catch (reason) {
      if (!signal.aborted) setError(reason);
    }
    if (!signal.aborted) setBusy(false);
  };
  const reset = () => {
    setJob(undefined);
    setError(undefined);
  };
  return { job, busy, error, teach, reset };
}

/** What an event changes of a job. Its end is left to the record, which then holds the gate's decision too. */
function pick({ state, stage, progress }: Partial<Job>): Partial<Job> {
  return {
    ...(state !== undefined && !isFinished(state) && { state }),
    ...(stage !== undefined && { stage }),
    ...(progress !== undefined && { progress }),
  };
}
