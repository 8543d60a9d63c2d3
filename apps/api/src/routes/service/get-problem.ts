import { AppError, type ProblemCode, problems } from '@scion/contracts';
import { type Static, Type } from 'typebox';
import { problemType } from '../../http/problem-document.js';
import type { App } from '../../server.js';

const Entry = Type.Object({
  type: Type.String(),
  code: Type.String(),
  status: Type.Integer(),
  title: Type.String(),
  remedy: Type.String({ description: 'What to do about it; Markdown' }),
  retryable: Type.Boolean({ description: 'Whether the same request may succeed later' }),
});

/** Makes the `type` of every problem document resolve. */
export function getProblem(app: App): void {
  app.get(
    '/problems',
    {
      schema: {
        operationId: 'listProblems',
        tags: ['problems'],
        summary: 'List every problem this API can answer',
        response: { 200: Type.Object({ data: Type.Array(Entry) }) },
      },
    },
    async () => ({ data: Object.keys(problems).map((code) => entryOf(code as ProblemCode)) }),
  );
  app.get(
    '/problems/:code',
    {
      schema: {
        operationId: 'getProblem',
        tags: ['problems'],
        summary: 'Explain a problem',
        description: 'The `type` of a problem document leads here. Browsers get a page.',
        params: Type.Object({ code: Type.String() }),
        response: { 200: Entry },
      },
    },
    async (request, reply) => {
      const { code } = request.params;
      if (!Object.hasOwn(problems, code)) throw new AppError('route_not_found', 'There is no such problem.');
      const entry = entryOf(code as ProblemCode);
      if (!request.headers.accept?.includes('text/html')) return entry;
      const { title, status, remedy } = entry;
      // Both are constants of ours, without markup. The serializer of the schema is for JSON only.
      const page = `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><p><code>${code}</code>, HTTP ${status}</p><p>${remedy}</p><p><a href="/docs">API reference</a></p></html>`;
      return reply
        .type('text/html; charset=utf-8')
        .serializer((text: string) => text)
        .send(page as never);
    },
  );
}

function entryOf(code: ProblemCode): Static<typeof Entry> {
  const row: { status: number; title: string; remedy: string; retryable?: boolean } = problems[code];
  const { status, title, remedy, retryable = false } = row;
  return { type: problemType(code), code, status, title, remedy, retryable };
}
