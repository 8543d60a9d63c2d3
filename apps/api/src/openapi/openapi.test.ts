import { createConfig, lintFromString } from '@redocly/openapi-core';
import { problems } from '@scion/contracts';
import { startRedis } from '@scion/testkit';
import { Validator } from '@seriousme/openapi-schema-validator';
import t from 'tap';
import { Compile } from 'typebox/compile';
import { accessTable } from '../http/access.js';
import { startTestApi } from '../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis });

interface Media {
  schema: Record<string, unknown>;
  example?: unknown;
  examples?: Record<string, { value: { code: string; status: number } }>;
}
interface Operation {
  operationId: string;
  summary?: string;
  tags?: string[];
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, { description: string; content?: Record<string, Media> }>;
}
const document = (await api.call('GET', '/openapi.json')).json();
const operations = Object.entries(document.paths as Record<string, Record<string, Operation>>).flatMap(
  ([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...{ title: `${method.toUpperCase()} ${path}`, operation },
    })),
);

/** The schema with every reference replaced by what it names. */
const resolve = (node: unknown): unknown => {
  if (Array.isArray(node)) return node.map(resolve);
  if (typeof node !== 'object' || node === null) return node;
  if ('$ref' in node) {
    const name = String(node.$ref).replace('#/components/schemas/', '');
    return resolve(document.components.schemas[name]);
  }
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, resolve(value)]));
};

t.test('the document is valid OpenAPI 3.1', async (t) => {
  const validator = new Validator();
  const result = await validator.validate(structuredClone(document));
  t.ok(result.valid, JSON.stringify(result.errors)?.slice(0, 2_000));
  t.equal(validator.version, '3.1');
});

t.test('an outside linter, all rules of it errors, finds nothing to say of it', async (t) => {
  const config = await createConfig({
    extends: ['recommended-strict'],
    rules: {
      // Probes and metrics answer 200 or 503, whoever asks.
      'operation-4xx-response': 'off',
      'no-invalid-media-type-examples': 'error',
      'no-invalid-schema-examples': 'error',
      'tag-description': 'error',
    },
  });
  const lint = async (linted: typeof document) => {
    const source = JSON.stringify(linted);
    const found = await lintFromString({ source, absoluteRef: '/openapi.json', config });
    return found.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer}`);
  };
  t.same(await lint(document), []);
  const broken = structuredClone(document);
  delete broken.paths['/v1/jobs/{job}'].get.summary;
  broken.paths['/v1/jobs'].post.responses['202'].content['application/json'].example.state = 'resting';
  t.match((await lint(broken)).sort(), [/-examples/, /-summary/], 'and would find what is missing or wrong');
});

t.test('every reference leads somewhere', async (t) => {
  for (const [, name] of JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
    if (!document.components.schemas[name!]) t.fail(`${name} is missing`);
  }
  t.pass('all of them');
});

t.test('every route of the access table is in it', async (t) => {
  const titles = new Set(operations.map(({ title }) => title));
  for (const route of Object.keys(accessTable)) {
    const title = route.replace(/:(\w+)/g, '{$1}');
    t.ok(titles.has(title), title);
  }
});

t.test('operations have names of their own', async (t) => {
  const ids = operations.map(({ operation }) => operation.operationId);
  t.equal(new Set(ids).size, ids.length);
});

for (const { title, operation } of operations) {
  t.test(`${title} says what it does, shows it, and names its problems`, async (t) => {
    t.ok(operation.summary, 'a summary');
    t.equal(operation.tags?.length, 1, 'one tag');
    for (const [type, { schema, example }] of Object.entries(operation.requestBody?.content ?? {})) {
      t.ok(example !== undefined, `an example of ${type}`);
      t.ok(Compile(resolve(schema) as object).Check(example), `that fits its schema`);
    }
    for (const [status, { content = {} }] of Object.entries(operation.responses)) {
      for (const [type, { schema, example, examples }] of Object.entries(content)) {
        if (type === 'application/problem+json') {
          for (const [code, { value }] of Object.entries(examples ?? {})) {
            t.equal(problems[code as keyof typeof problems].status, Number(status), code);
            t.ok(Compile(resolve(schema) as object).Check(value), `${code} fits the schema of problems`);
          }
        } else {
          t.ok(example !== undefined, `an example of ${status} ${type}`);
          t.ok(Compile(resolve(schema) as object).Check(example), `that fits its schema`);
        }
      }
    }
    if (title.includes(' /v1/')) {
      for (const status of ['401', '403', '429', '500']) t.ok(operation.responses[status], status);
    }
  });
}

t.test('the page to browse it runs nothing inline and fetches nothing from elsewhere', async (t) => {
  const page = await api.call('GET', '/docs');
  t.equal(page.statusCode, 200);
  t.notMatch(page.body, /<script(?![^>]*\ssrc=)|<style|\sstyle=|https?:/);
  t.notMatch(page.headers['content-security-policy'], /unsafe/);
  const script = await api.call('GET', '/docs/static/swagger-initializer.js');
  t.match(script.body, '/openapi.json');
});
