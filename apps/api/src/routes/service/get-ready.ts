import { AppError } from '@scion/contracts';
import { type Static, Type } from 'typebox';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

/** A part that has not answered after this long is taken for broken. */
const timeoutMs = 2_000;

const Check = Type.Object({
  ok: Type.Boolean(),
  reason: Type.Optional(Type.String()),
  note: Type.Optional(Type.String()),
});
const Checks = Type.Unsafe<Record<string, Static<typeof Check>>>({
  type: 'object',
  additionalProperties: Check,
});

export function getReady(app: App, { readiness }: Pick<ApiDeps, 'readiness'>): void {
  app.get(
    '/health/ready',
    {
      config: { problems: ['not_ready'] },
      schema: {
        operationId: 'getReady',
        tags: ['health'],
        summary: 'Whether the process can serve',
        description:
          'Asks Redis, the store and the engine, and whether what is stored has been indexed since the start. A 503 names each part that fails in `checks`.',
        response: { 200: Type.Object({ status: Type.Literal('ready'), checks: Checks }) },
      },
    },
    async (request) => {
      const results = await Promise.all(
        Object.entries(readiness).map(async ([part, check]) => {
          const { error, note } = await outcomeOf(check);
          if (error === undefined) return [part, { ok: true, ...(note && { note }) }] as const;
          request.log.warn({ part, err: error }, 'part is not ready');
          return [part, { ok: false, reason: reasonOf(error) }] as const;
        }),
      );
      const checks = Object.fromEntries<Static<typeof Check>>(results);
      const failed = results.filter(([, { ok }]) => !ok).map(([part]) => part);
      if (failed.length === 0) return { status: 'ready' as const, checks };
      throw new AppError('not_ready', `Not ready: ${failed.join(', ')}.`, { extensions: { checks } });
    },
  );
}

/** Why it failed; else what it has to say, if anything. */
async function outcomeOf(check: () => Promise<unknown>): Promise<{ error?: unknown; note?: string }> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    const said = await Promise.race([check(), late]);
    const note = typeof said === 'object' && said !== null && 'note' in said ? String(said.note) : undefined;
    return note === undefined ? {} : { note };
  } catch (error) {
    return { error: error ?? new Error('failed') };
  } finally {
    clearTimeout(timer);
  }
}

/** Only the code or the kind of error: its message may hold addresses, and this route is public. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  if (error.message.startsWith('no answer within')) return error.message;
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
