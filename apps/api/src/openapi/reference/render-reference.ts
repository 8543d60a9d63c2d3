import { isPage, membersTable, type Schema, table, typeText } from './schema-text.js';

interface Parameter {
  in: string;
  name: string;
  required?: boolean;
  description?: string;
  schema: Schema;
}

interface Media {
  schema: Schema;
  example?: unknown;
}

interface Operation {
  operationId: string;
  summary: string;
  description?: string;
  tags: string[];
  parameters?: Parameter[];
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, { description: string; content?: Record<string, Media> }>;
}

export interface ReferenceDocument {
  info: { description: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

/** docs/api.md: the OpenAPI document for readers. */
export function renderReference({ paths, components }: ReferenceDocument): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...{ title: `${method.toUpperCase()} ${path}`, operation, tag: operation.tags[0] ?? 'other' },
    })),
  );
  const tags = [...new Set(operations.map(({ tag }) => tag))];
  const sections = tags.map((tag) => {
    const own = operations.filter((one) => one.tag === tag);
    return `## ${tag}\n\n${own.map(({ title, operation }) => renderOperation(title, operation)).join('\n')}`;
  });
  const contents = tags.map((tag) => {
    const own = operations.filter((one) => one.tag === tag);
    const links = own.map(({ operation }) => `[${operation.summary}](#${operation.operationId})`);
    return `- **${tag}**: ${links.join(' · ')}`;
  });
  return `# API reference

Every route of Scion's REST API, with who may call it, what it takes and what it answers. A running API shows the same at
\`/docs\`, and as OpenAPI 3.1 at \`/openapi.json\`.

- Send \`Authorization: Bearer scion_…\`. An operator's key names the tenant it acts for with \`Scion-Tenant: ten_…\`.
- Bodies are JSON in UTF-8. Names in a path are percent-encoded.
- Lists answer \`{ data, nextCursor }\`; pass \`nextCursor\` as \`cursor\` to go on, until it is null.
- An error is a [problem document](problems.md). Every answer carries \`x-request-id\`.
- Any route that needs a key can also answer 401 \`unauthenticated\`, 403 \`scope_missing\`, 404 \`tenant_not_found\`,
  429 \`overloaded\` and 500 \`internal\`; each route below names what is its own.

This page is generated from the routes' schemas by \`npm run reference -w @scion/api\`.

${contents.join('\n')}

${sections.join('\n')}
## Schemas

${Object.entries(components.schemas)
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, schema]) => renderSchema(name, schema))
  .join('\n')}`;
}

function renderOperation(title: string, operation: Operation): string {
  const { operationId, summary, description, parameters = [], requestBody, responses } = operation;
  const parts = [
    `### <a id="${operationId}"></a>\`${title}\``,
    [summary, description].filter(Boolean).join('. '),
    renderParameters(parameters),
    ...Object.entries(requestBody?.content ?? {}).map(([type, media]) => renderMedia(`Takes`, type, media)),
    ...Object.entries(responses)
      .filter(([status]) => Number(status) < 400)
      .flatMap(([status, { description: words, content = {} }]) => {
        const bodies = Object.entries(content);
        if (bodies.length === 0) return [`**Answers** ${status} ${words}, without a body.`];
        return bodies.map(([type, media]) => renderMedia(`Answers ${status}`, type, media));
      }),
    renderProblems(responses),
  ];
  return `${parts.filter(Boolean).join('\n\n')}\n`;
}

function renderParameters(parameters: Parameter[]): string {
  // What holds for every route stands at the top of the page.
  const own = parameters.filter(({ name }) => name !== 'Scion-Tenant');
  if (own.length === 0) return '';
  return table(
    own.map(({ in: place, name, required, description, schema }) => ({
      name: place === 'path' ? `{${name}}` : place === 'query' ? `?${name}` : name,
      schema: { ...schema, ...(description !== undefined && { description }) },
      required: required ?? false,
    })),
  );
}

function renderMedia(verb: string, type: string, { schema, example }: Media): string {
  const kind = type === 'application/json' ? '' : ` as \`${type}\``;
  const body = typeof example === 'string' ? example.trimEnd() : compactJson(example);
  const language = typeof example === 'string' ? 'text' : 'json';
  return [
    `**${verb}**${kind}: ${typeText(schema)}`,
    schema.$ref || isPage(schema) ? '' : membersTable(schema),
    example === undefined ? '' : `\`\`\`${language}\n${body}\n\`\`\``,
  ]
    .filter(Boolean)
    .join('\n\n');
}

/** JSON of which each list or object stands on one line where it fits. */
function compactJson(value: unknown, indent = ''): string {
  const line = JSON.stringify(value, null, 1)?.replace(/\n\s*/g, ' ') ?? 'null';
  if (typeof value !== 'object' || value === null || indent.length + line.length <= 100) return line;
  const inner = `${indent}  `;
  const members = Array.isArray(value)
    ? value.map((one) => compactJson(one, inner))
    : Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${compactJson(one, inner)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}\n${members.map((member) => `${inner}${member}`).join(',\n')}\n${indent}${close}`;
}

const shared = /^(unauthenticated|scope_missing|tenant_not_found|overloaded|internal|csrf_refused)$/;

function renderProblems(responses: Operation['responses']): string {
  const codes = Object.values(responses)
    .flatMap(({ description }) => [...description.matchAll(/\(`(\w+)`\)/g)])
    .flatMap(([, code]) => (code && !shared.test(code) ? [code] : []));
  if (codes.length === 0) return '';
  return `**Problems**: ${codes.map((code) => `[\`${code}\`](problems.md#${code})`).join(', ')}`;
}

function renderSchema(name: string, schema: Schema): string {
  const parts = [
    `### <a id="schema-${name}"></a>${name}`,
    schema.description ?? '',
    membersTable(schema) || typeText(schema),
  ];
  return `${parts.filter(Boolean).join('\n\n')}\n`;
}
