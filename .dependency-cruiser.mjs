// The import fences of ARCHITECTURE.md. Arrows point down only; each heavy vendor has one home.

/** Which of our packages each folder may import. A folder that is not named may import none. */
const mayImport = {
  'packages/contracts': [],
  'packages/graph': [],
  'packages/store': ['contracts'],
  'packages/engine': ['contracts', 'graph'],
  'packages/registry': ['contracts', 'store'],
  'packages/queue': ['contracts'],
  'packages/webhooks': ['contracts'],
  'packages/meter': ['contracts'],
  'packages/tracing': [],
  'packages/sdk': ['contracts'],
  'packages/testkit': ['contracts'],
  'apps/api': ['contracts', 'store', 'registry', 'queue', 'engine', 'webhooks', 'meter', 'tracing'],
  'apps/worker': ['contracts', 'store', 'registry', 'queue', 'engine', 'webhooks', 'meter', 'tracing'],
  'apps/cli': ['contracts', 'engine', 'queue', 'registry', 'sdk', 'store'],
  'apps/dashboard': ['sdk'],
};

/** The one place that may import a vendor. */
const vendorHomes = {
  'onnxruntime-node': 'packages/engine/src/thread/session',
  bullmq: 'packages/queue/src',
  '@aws-sdk': 'packages/store/src/s3',
  '@huggingface/tokenizers': 'packages/engine/src',
  '@bufbuild/protobuf': 'packages/graph/src/onnx',
  standardwebhooks: 'packages/webhooks/src',
  undici: 'packages/webhooks/src',
  fastify: 'apps/api/src',
  '@opentelemetry': 'packages/tracing/src',
  'bullmq-otel': 'packages/tracing/src',
  '@fastify/otel': 'packages/tracing/src',
  uplot: 'apps/dashboard/src',
};

/** `@scion/sdk/local`: the estimator without a server. What it needs is an optional peer of the package. */
const localEntry = '^packages/sdk/src/local/';

const tests = '(\\.test\\.tsx?$|/src/testing/)';

export default {
  forbidden: [
    {
      name: 'no-cycle',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-unresolved',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'by-name-only',
      comment: 'import another package by its name, never by its source path',
      severity: 'error',
      from: { path: '^(apps|packages)/([^/]+)/' },
      to: { path: '^(apps|packages)/[^/]+/src/', pathNot: '^$1/$2/' },
    },
    ...Object.entries(mayImport).map(([folder, allowed]) => ({
      name: `arrows-of-${folder.replace('/', '-')}`,
      severity: 'error',
      from: { path: `^${folder}/src/`, pathNot: [tests, localEntry] },
      to: {
        path: '^(apps|packages)/',
        pathNot: [`^${folder}/`, ...allowed.map((name) => `^packages/${name}/`)],
      },
    })),
    {
      name: 'arrows-of-the-local-estimator',
      severity: 'error',
      from: { path: localEntry, pathNot: tests },
      to: { path: '^(apps|packages)/', pathNot: '^packages/(sdk|contracts|engine|store)/' },
    },
    {
      name: 'the-client-needs-no-engine',
      severity: 'error',
      from: { path: '^packages/sdk/src/', pathNot: [tests, localEntry] },
      to: { path: localEntry },
    },
    ...Object.entries(vendorHomes).map(([vendor, home]) => ({
      name: `home-of-${vendor.replace(/[@/]/g, '-')}`,
      severity: 'error',
      from: { path: '^(apps|packages)/', pathNot: [`^${home}`, tests] },
      to: { path: `(^|node_modules/)${vendor}(/|$)` },
    })),
    {
      name: 'tracing-only-where-asked-for',
      comment: 'a process that traces nothing must not load OpenTelemetry',
      severity: 'error',
      from: { path: '^(apps|packages)/', pathNot: ['^packages/tracing/', tests] },
      to: { path: '^packages/tracing/', dynamic: false },
    },
    {
      name: 'graph-is-pure',
      severity: 'error',
      from: { path: '^packages/graph/src/', pathNot: tests },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-test-code-in-production',
      severity: 'error',
      from: { path: '^(apps|packages)/', pathNot: [tests, '^packages/testkit/'] },
      to: { path: ['^packages/testkit/', tests] },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    // swc is not told to expect JSX here; test/dashboard/bundle.test.mjs holds the fence of those files.
    exclude: { path: ['/dist/.*\\.test\\.', '\\.tsx$'] },
    includeOnly: { path: ['^(apps|packages)/', 'node_modules/'] },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'default', 'node'],
      extensions: ['.ts', '.tsx', '.js', '.mjs'],
    },
  },
};
