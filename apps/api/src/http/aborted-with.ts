import type { FastifyReply } from 'fastify';

/** Why a request ended that nobody waits for any longer: nobody's mistake, and no answer will be read. */
export class ClientGone extends Error {}

/** Aborts with it when the client goes away before its answer: rows that nobody waits for need not be computed. */
export function abortedWith({ raw }: Pick<FastifyReply, 'raw'>): AbortSignal {
  const abort = new AbortController();
  const leave = () => {
    if (!raw.writableEnded) abort.abort(new ClientGone('the client went away'));
  };
  if (raw.destroyed) leave();
  else raw.once('close', leave);
  return abort.signal;
}
