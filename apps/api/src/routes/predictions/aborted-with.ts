import type { FastifyReply } from 'fastify';

/** Aborts when the client goes away before its answer: rows that nobody waits for need not be computed. */
export function abortedWith({ raw }: Pick<FastifyReply, 'raw'>): AbortSignal {
  const abort = new AbortController();
  raw.once('close', () => {
    if (!raw.writableEnded) abort.abort(new Error('the client went away'));
  });
  return abort.signal;
}
