import { STATUS_CODES } from 'node:http';
import { AppError, problems as catalogue, type ProblemCode } from '@scion/contracts';
import { type Access, accessOf } from '../http/access.js';
import { problemDocument } from '../http/problem-document.js';
import { componentSchemas, withReferences } from './components.js';
import { examples } from './examples.js';

/** What the document cannot learn from a route's schema. */
export interface RouteFacts {
  method: string;
  /** As Fastify has it, with `:name`. */
  url: string;
  problems: readonly ProblemCode[];
  /** Whether an Idempotency-Key is heeded. */
  idempotent: boolean;
}

/** The parts of the OpenAPI 3.1 document that are completed here. */
interface MediaTypes {
  [type: string]: { schema?: unknown; example?: unknown; examples?: Record<string, { value: unknown }> };
}
interface Operation {
  operationId: string;
  description?: string;
  security?: object[];
  parameters?: object[];
  requestBody?: { content: MediaTypes };
  responses?: Record<string, { description: string; content?: MediaTypes }>;
}
export interface OpenApiDocument {
  paths?: Record<string, Record<string, Operation>>;
  components?: Record<string, unknown>;
}

/** Adds what holds for routes by rule: who may call them, the problems they answer, examples, named schemas. */
export function completeDocument(
  document: OpenApiDocument,
  facts: ReadonlyMap<string, RouteFacts>,
): OpenApiDocument {
  for (const path of Object.values(document.paths ?? {})) {
    for (const operation of Object.values(path)) {
      const fact = facts.get(operation.operationId);
      if (fact) completeOperation(operation, fact);
    }
  }
  const completed = withReferences(document);
  completed.components = {
    ...completed.components,
    schemas: componentSchemas(),
    securitySchemes: {
      key: { type: 'http', scheme: 'bearer', bearerFormat: 'scion_…', description: 'An API key' },
      session: {
        type: 'apiKey',
        in: 'cookie',
        name: 'scion_session',
        description: 'Of `POST /v1/session`; calls that change something also send `Scion-Csrf`',
      },
    },
  };
  return completed;
}

function completeOperation(operation: Operation, { method, url, problems, idempotent }: RouteFacts): void {
  let own = problems;
  const access = accessOf(method, url);
  operation.security = access === 'public' ? [] : [{ key: [] }, { session: [] }];
  if (access !== 'public') {
    operation.description = [operation.description, accessSentence[access]].filter(Boolean).join(' ');
    operation.parameters = [...(operation.parameters ?? []), tenantHeader];
  }
  addExamples(operation);
  if (method === 'POST' && access !== 'public' && idempotent) {
    operation.parameters = [...(operation.parameters ?? []), idempotencyHeader];
    own = [...own, 'idempotency_in_progress', 'idempotency_key_reused'];
  }
  const codes = [...new Set([...sharedProblems(access, method, operation), ...own])];
  const byStatus = groupByStatus(codes);
  operation.responses ??= {};
  for (const [status, group] of [...byStatus].sort(([a], [b]) => a - b)) {
    operation.responses[status] = problemResponse(group, url);
  }
}

const accessSentence: Record<Exclude<Access, 'public'>, string> = {
  any: 'Takes any key.',
  operator: 'Needs an operator key.',
  admin: 'Needs the scope `admin`.',
  train: 'Needs the scope `train`.',
  predict: 'Needs the scope `predict`.',
};

const tenantHeader: object = {
  in: 'header',
  name: 'Scion-Tenant',
  required: false,
  description: 'With an operator key: the tenant that the request is about',
  schema: { type: 'string' },
};

const idempotencyHeader: object = {
  in: 'header',
  name: 'Idempotency-Key',
  required: false,
  description:
    'Of your own making, one for each call: a repetition with the same key gets the answer of the first, for 24 hours',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
  example: '8e03978e-40d5-43e8-bc93-6894a57f9324',
};

function sharedProblems(
  access: Access,
  method: string,
  { parameters, requestBody }: Operation,
): ProblemCode[] {
  const codes: ProblemCode[] = ['internal'];
  if (access !== 'public') codes.push('unauthenticated', 'scope_missing', 'tenant_not_found', 'overloaded');
  if (access !== 'public' && method !== 'GET') codes.push('csrf_refused');
  if (parameters?.length || requestBody) codes.push('invalid_request');
  if (requestBody) codes.push('malformed_json', 'payload_too_large', 'unsupported_media_type');
  return codes;
}

function groupByStatus(codes: ProblemCode[]): Map<number, ProblemCode[]> {
  const groups = new Map<number, ProblemCode[]>();
  for (const code of codes) {
    const { status } = catalogue[code];
    groups.set(status, [...(groups.get(status) ?? []), code]);
  }
  return groups;
}

function problemResponse(codes: ProblemCode[], url: string) {
  return {
    description: codes.map((code) => `${catalogue[code].title} (\`${code}\`)`).join('. '),
    content: {
      'application/problem+json': {
        schema: { $ref: '#/components/schemas/Problem' },
        examples: Object.fromEntries(codes.map((code) => [code, { value: exampleProblem(code, url) }])),
      },
    },
  };
}

const exampleProblem = (code: ProblemCode, url: string) =>
  problemDocument(new AppError(code, catalogue[code].title), {
    requestId: 'req_01kaqx8v4n6q0d3w5y7z9b1c3e',
    instance: url.replace(/:(\w+)/g, (_, name: string) => exampleNames[name] ?? name),
  });

const exampleNames: Record<string, string> = {
  task: 'inbox-triage',
  user: 'ada%40example.com',
  tenant: 'ten_01kaqx8v4n6q0d3w5y7z9b1c3e',
  key: 'key_01kaqx8v4n6q0d3w5y7z9b1c3e',
  job: 'job_01kaqx8v4n6q0d3w5y7z9b1c3e',
  webhook: 'whk_01kaqx8v4n6q0d3w5y7z9b1c3e',
  erasure: 'ers_01kaqx8v4n6q0d3w5y7z9b1c3e',
  delivery: 'dlv_01kaqx8v4n6q0d3w5y7z9b1c3e',
  version: '2',
};

function addExamples({ operationId, requestBody, responses = {} }: Operation): void {
  const { request = {}, response, otherResponses = {} } = examples[operationId] ?? {};
  for (const [type, example] of Object.entries(request)) {
    const media = requestBody?.content[type];
    if (!media) continue;
    // Lines are no JSON document, so no schema of one fits them.
    const schema = type === 'application/json' ? media.schema : { type: 'string' };
    requestBody.content[type] = { ...media, schema, example };
  }
  for (const [status, answer] of Object.entries(responses)) {
    answer.description = STATUS_CODES[status] ?? status;
    if (status === '204') delete answer.content;
    const media = answer.content?.['application/json'];
    if (media && response !== undefined) media.example = response;
    for (const [type, example] of Object.entries(otherResponses)) {
      answer.content = { ...answer.content, [type]: { schema: { type: 'string' }, example } };
    }
  }
}
