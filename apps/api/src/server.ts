import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { ProblemCode } from '@scion/contracts';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { Principal } from './http/authenticate.js';

/** A Fastify instance whose requests and replies are typed by the TypeBox schemas of their routes. */
export type App = FastifyInstance<
  Server,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Problems that this route alone can answer; those that every route shares are added to the document for it. */
    problems?: readonly ProblemCode[];
  }
  interface FastifyRequest {
    /** Null on public routes only. */
    principal: Principal | null;
  }
}
