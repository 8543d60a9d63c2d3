import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { ProblemCode, Scope } from '@scion/contracts';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';

/** A Fastify instance whose requests and replies are typed by the TypeBox schemas of their routes. */
export type App = FastifyInstance<
  Server,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** Who asks, and for which tenant. */
export interface Principal {
  keyId: string;
  keyName: string;
  /** Null where the key itself was sent. */
  session: { token: string; expiresAt: string } | null;
  /** Whether the key belongs to no tenant. */
  operator: boolean;
  /** Of a tenant's key: its own; of an operator's: that of `Scion-Tenant`, null without the header. */
  tenantId: string | null;
  scopes: readonly Scope[];
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Problems that this route alone can answer; those that every route shares are added to the document for it. */
    problems?: readonly ProblemCode[];
    /** False where an Idempotency-Key means nothing: the answer must not be given twice. */
    idempotent?: boolean;
  }
  interface FastifyRequest {
    /** Null on public routes only. */
    principal: Principal | null;
    /** Whether key or session still hold, for an answer without an end; false also while nobody can tell. */
    isStillWelcome(): Promise<boolean>;
  }
}
