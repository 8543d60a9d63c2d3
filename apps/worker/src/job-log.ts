import { type Clock, type JobLogLine, timestamp } from '@scion/contracts';
import type { Logger } from 'pino';

type Write = (fields: Record<string, unknown>, message: string) => void;

/** Messages are constant; facts go in fields. Neither inputs nor labels, since the job's owner is not all who reads. */
export type JobLog = Record<JobLogLine['level'], Write>;

/**
 * Tells the process's log, and the few lines that are kept with the job for its owner. To those go plain facts alone:
 * an error object stays with the process.
 */
export function createJobLog(options: {
  log: Logger;
  attempt: number;
  clock: Clock;
  append(line: JobLogLine): Promise<void>;
}): JobLog & { written(): Promise<void> } {
  const { log, attempt, clock, append } = options;
  let writing: Promise<void> = Promise.resolve();
  const at =
    (level: JobLogLine['level']): Write =>
    (fields, message) => {
      log[level](fields, message);
      const line = { at: timestamp(clock), level, attempt, message, fields: plain(fields) };
      writing = writing
        .then(() => append(line))
        .catch((err) => log.warn({ err }, 'line not kept with its job'));
    };
  return {
    ...{ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    written: () => writing,
  };
}

/** Longer texts are cut: a line has some hundred bytes. */
const longest = 300;

function plain(fields: Record<string, unknown>): JobLogLine['fields'] {
  const kept: JobLogLine['fields'] = {};
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === 'number' || typeof value === 'boolean') kept[name] = value;
    if (typeof value === 'string') kept[name] = value.slice(0, longest);
  }
  return kept;
}
