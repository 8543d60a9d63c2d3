import { type Audit, createAudit } from './resources/audit.js';
import { createExamples, type Examples } from './resources/examples.js';
import { createJobs, type Jobs } from './resources/jobs.js';
import { createKeys, type Keys } from './resources/keys.js';
import { createModels, type Models } from './resources/models.js';
import { createPredict, createPredictUsers, type Predict, type PredictUsers } from './resources/predict.js';
import { createSessions, type Sessions } from './resources/session.js';
import { createSystem, type System } from './resources/system.js';
import { createTasks, type Tasks } from './resources/tasks.js';
import { createTenants, type Tenants } from './resources/tenants.js';
import { createUsage, type Usage } from './resources/usage.js';
import { createUsers, type Users } from './resources/users.js';
import { createWebhooks, type Webhooks } from './resources/webhooks.js';
import { sleep } from './retry.js';
import { createTransport } from './transport.js';

export interface ClientOptions {
  /** Where the API answers, e.g. `https://scion.example.com`; a path in it is kept. */
  baseUrl: string;
  /** `scion_…`. Left out only in a browser that is signed in, whose cookie then speaks for it. */
  apiKey?: string | undefined;
  /** Of `session.begin` or `session.get`: what a signed-in browser sends with every call that changes something. */
  csrfToken?: string | undefined;
  /** Which tenant an operator key speaks for (`ten_…`); a tenant's own key needs none. */
  tenant?: string | undefined;
  /** Default: the runtime's own. */
  fetch?: typeof globalThis.fetch | undefined;
  /** Attempts after the first; default 3. */
  maxRetries?: number | undefined;
  /**
   * Milliseconds one attempt may take, `Infinity` for no limit; default 30 000. An event stream only has to begin in
   * this time. Node's own `fetch` waits 300 000 for the beginning of an answer, whatever is said here: for more give a
   * `fetch` of your own.
   */
  timeoutMs?: number | undefined;
  /** Milliseconds since the epoch, to read an HTTP date in `Retry-After`; default `Date.now`. */
  clock?: (() => number) | undefined;
  /** A number in [0, 1) that spreads retries; default `Math.random`. */
  random?: (() => number) | undefined;
  /** How retries wait; default a timer. */
  sleep?: ((ms: number, signal?: AbortSignal) => Promise<void>) | undefined;
}

/** One tenant's (or an operator's) view of the API. Holds no connection: there is nothing to close. */
export interface Client {
  readonly tenants: Tenants;
  readonly keys: Keys;
  readonly tasks: Tasks;
  readonly examples: Examples;
  readonly jobs: Jobs;
  readonly models: Models;
  readonly predict: Predict;
  readonly predictUsers: PredictUsers;
  readonly usage: Usage;
  readonly audit: Audit;
  readonly users: Users;
  readonly webhooks: Webhooks;
  readonly system: System;
  readonly session: Sessions;
  /** The same client speaking for another tenant; for operator keys. */
  withTenant(tenantId: string): Client;
}

/** Makes a client. Runs wherever `fetch` does: Node 20, Deno, Bun, browsers. */
export function createClient(options: ClientOptions): Client {
  const fetchOption = options.fetch;
  const transport = createTransport({
    baseUrl: options.baseUrl,
    apiKey: options.apiKey,
    csrfToken: options.csrfToken,
    tenant: options.tenant,
    // Called through a closure: a browser's fetch refuses any `this` but the window.
    fetch: fetchOption ? (input, init) => fetchOption(input, init) : (input, init) => fetch(input, init),
    maxRetries: options.maxRetries ?? 3,
    timeoutMs: options.timeoutMs ?? 30_000,
    clock: options.clock ?? Date.now,
    random: options.random ?? Math.random,
    sleep: options.sleep ?? sleep,
  });
  return {
    tenants: createTenants(transport),
    keys: createKeys(transport),
    tasks: createTasks(transport),
    examples: createExamples(transport),
    jobs: createJobs(transport),
    models: createModels(transport),
    predict: createPredict(transport),
    predictUsers: createPredictUsers(transport),
    usage: createUsage(transport),
    audit: createAudit(transport),
    users: createUsers(transport),
    webhooks: createWebhooks(transport),
    system: createSystem(transport),
    session: createSessions(transport),
    withTenant: (tenant) => createClient({ ...options, tenant }),
  };
}
