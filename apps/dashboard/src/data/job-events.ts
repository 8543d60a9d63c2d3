import { addJobEvent, type Client, isFinished, type JobEvent } from '@scion/sdk';
import { useEffect, useState } from 'preact/hooks';
import { reach } from '../session.js';

export interface JobEvents {
  list: readonly JobEvent[];
  /** The job is over and its last event is here. */
  ended: boolean;
  error: unknown;
  /** Continues after an error, from the last event received. */
  reopen(): void;
}

/** A stream is kept through a restart of the service, some half a minute. */
export const outageRetries = 8;

const nothing: readonly JobEvent[] = [];

/**
 * A job's events, past and coming. Renders at most once per frame however fast they come. The component that uses it
 * must be keyed by the job: another job needs another instance.
 */
export function useJobEvents(client: Client, jobId: string): JobEvents {
  const [state, setState] = useState({ list: nothing, ended: false, error: undefined as unknown });
  const [opened, setOpened] = useState(0);

  // Not on `client`: one made anew for the same tenant must not reopen the stream.
  useEffect(() => {
    const controller = new AbortController();
    const arrived = [...state.list];
    let frame: number | undefined;
    const publish = (ended: boolean, error: unknown) => {
      if (frame !== undefined) cancelAnimationFrame(frame);
      frame = undefined;
      setState({ list: [...arrived], ended, error });
    };
    const read = async () => {
      try {
        const events = client.jobs.events(jobId, {
          after: arrived.at(-1),
          signal: controller.signal,
          maxRetries: outageRetries,
        });
        for await (const event of events) {
          addJobEvent(arrived, event);
          const last = event.type === 'state' && event.state !== undefined && isFinished(event.state);
          if (!last) frame ??= requestAnimationFrame(() => publish(false, undefined));
        }
        publish(true, undefined);
      } catch (error) {
        if (!controller.signal.aborted) publish(false, error);
      }
    };
    void read();
    return () => {
      controller.abort();
      if (frame !== undefined) cancelAnimationFrame(frame);
    };
  }, [jobId, opened]);

  const reopen = () => {
    setState((known) => ({ ...known, error: undefined }));
    setOpened(opened + 1);
  };
  // Given up in an outage, it goes on as soon as anything is answered again, as all that is polled does.
  const answers = reach.value === 'live';
  useEffect(() => {
    if (answers && state.error !== undefined) reopen();
  }, [answers]);
  return { ...state, reopen };
}
