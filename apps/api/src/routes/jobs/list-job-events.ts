import { AppError, JobEvent, JobId, Page } from '@scion/contracts';
import type { EventPosition } from '@scion/queue';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { tenantOf } from '../../http/authenticate.js';
import { type StreamEvent, sendEvents } from '../../http/event-stream.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function listJobEvents(
  app: App,
  { registry, queue, settings }: Pick<ApiDeps, 'registry' | 'queue' | 'settings'>,
): void {
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());
  app.get(
    '/v1/jobs/:job/events',
    {
      exposeHeadRoute: false,
      config: { problems: ['job_not_found'] },
      schema: {
        operationId: 'listJobEvents',
        tags: ['jobs'],
        summary: 'Follow a training job',
        description:
          'With `Accept: text/event-stream`: past events, then new ones as they come, until the job has ended; `Last-Event-ID` resumes, also across an attempt that was made anew. Otherwise a JSON list of the events so far.',
        params: Type.Object({ job: JobId }),
        querystring: Type.Object(
          {
            after: Type.Optional(
              Type.Integer({ minimum: 0, default: 0, description: 'Only events whose `seq` is greater' }),
            ),
          },
          { additionalProperties: false },
        ),
        response: { 200: Page(JobEvent) },
      },
    },
    async (request, reply) => {
      const tenantId = tenantOf(request);
      const { job } = request.params;
      const kept = await registry.jobs.events(tenantId, job);
      const after = lastEventId(request) ?? { seq: request.query.after ?? 0 };
      const past = kept?.filter((event) => isAfter(event, after));
      if (!request.headers.accept?.includes('text/event-stream')) {
        return { data: past ?? (await queue.events.read(job, after.seq)), nextCursor: null };
      }
      const open = (signal: AbortSignal) => toStream(past ?? queue.events.subscribe(job, after, signal));
      return sendEvents(reply, open, { heartbeatMs: settings.heartbeatMs, stop: closing.signal });
    },
  );
}

async function* toStream(events: Iterable<JobEvent> | AsyncIterable<JobEvent>): AsyncGenerator<StreamEvent> {
  for await (const event of events) yield { id: event.seq, event: event.type, data: event };
}

/** Events of one run come in order of `seq`; a later run begins anew. */
function isAfter(event: EventPosition, { run, seq }: EventPosition): boolean {
  if (run === undefined || event.run === undefined || event.run === run) return event.seq > seq;
  return event.run > run;
}

/** `<run>-<seq>` as the stream sends it, or a `seq` alone. */
function lastEventId({ headers }: FastifyRequest): EventPosition | undefined {
  const value = headers['last-event-id'];
  if (value === undefined || value === '') return undefined;
  const [, run, seq] = /^(?:(\d{1,15})-)?(\d{1,15})$/.exec(String(value)) ?? [];
  if (seq !== undefined) return { seq: Number(seq), ...(run !== undefined && { run: Number(run) }) };
  const errors = [{ path: 'header/last-event-id', message: 'must be the id of an event of this stream' }];
  throw new AppError('invalid_request', 'Last-Event-ID is not the id of an event.', { errors });
}
