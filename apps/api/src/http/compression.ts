import { pipeline, type Readable } from 'node:stream';
import { promisify } from 'node:util';
import { brotliCompress, constants, createBrotliCompress, createGzip, gzip } from 'node:zlib';
import { negotiate } from '@fastify/accept-negotiator';
import type { App } from '../server.js';

/** Smaller answers gain nothing: a packet is a packet. */
const leastBytes = 1_024;
/** Of 11: about gzip's speed, and smaller. */
const brotliOptions = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };
const text = /^(text\/|application\/(json|problem\+json|x-ndjson|javascript)|image\/svg)/;

const codings = {
  br: { whole: promisify(brotliCompress), stream: () => createBrotliCompress(brotliOptions) },
  gzip: { whole: promisify(gzip), stream: () => createGzip() },
};

/**
 * Compresses text for who takes it (RFC 9110 section 12.5.3), in zlib's threads. Never an event stream: a compressor
 * holds back what should arrive at once.
 */
export function addCompression(app: App): void {
  app.addHook('onSend', async (request, reply, payload) => {
    const type = String(reply.getHeader('content-type') ?? '');
    if (!text.test(type) || type.startsWith('text/event-stream') || reply.hasHeader('content-encoding')) {
      return payload;
    }
    const vary = reply.getHeader('vary');
    reply.header('vary', vary === undefined ? 'accept-encoding' : `${vary}, accept-encoding`);
    const header = request.headers['accept-encoding'];
    const chosen = header === undefined ? null : negotiate(header, ['br', 'gzip', 'identity']);
    if (request.method === 'HEAD' || (chosen !== 'br' && chosen !== 'gzip')) return payload;
    if (isStream(payload)) {
      reply.header('content-encoding', chosen).removeHeader('content-length');
      // The end of either ends the other; whoever reads the answer sees the failure.
      return pipeline(payload, codings[chosen].stream(), () => {});
    }
    if (!(typeof payload === 'string' || Buffer.isBuffer(payload)) || payload.length < leastBytes)
      return payload;
    reply.header('content-encoding', chosen).removeHeader('content-length');
    return chosen === 'br' ? codings.br.whole(payload, brotliOptions) : codings.gzip.whole(payload);
  });
}

const isStream = (payload: unknown): payload is Readable =>
  typeof payload === 'object' && payload !== null && 'pipe' in payload && typeof payload.pipe === 'function';
