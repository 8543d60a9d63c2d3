// Every block of code in the documents is run, or read where it needs what no test machine has. One system serves all.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from '@scion/sdk';
import t from 'tap';
import { parseAllDocuments } from 'yaml';
import { shows } from './documents/compare-output.mjs';
import { readBlocks } from './documents/read-blocks.mjs';
import { runDocument } from './documents/run-document.mjs';
import { runExamples } from './documents/run-examples.mjs';
import { startSystem } from './documents/start-system.mjs';

const root = fileURLToPath(new URL('../', import.meta.url));
const guides = existsSync(join(root, 'docs/guides')) ? readdirSync(join(root, 'docs/guides')) : [];
const documents = [
  'README.md',
  ...guides.filter((name) => name.endsWith('.md')).map((name) => `docs/guides/${name}`),
  'docs/how-training-graphs-work.md',
  'examples/README.md',
  'infra/README.md',
  'packages/sdk/README.md',
];
t.setTimeout(300_000);
const system = await startSystem(t);
const operatorKey = readFileSync(join(system.dataFolder, 'operator-key'), 'utf8').trim();
const operator = createClient({ baseUrl: system.url, apiKey: operatorKey });

/** A tenant of the document's own, so that none depends on another. */
async function keyFor(document) {
  const tenant = await operator.tenants.create({ name: document });
  const client = operator.withTenant(tenant.id);
  return (await client.keys.create({ name: document, scopes: ['admin', 'train', 'predict'] })).secret;
}

/** Kinds of blocks that are not run here, and what is demanded of them instead. */
const readInstead = {
  /** `sh elsewhere`: needs containers, a cluster, a GPU or a cloud. It parses, and the files it names exist. */
  sh(t, { text }) {
    execFileSync('bash', ['--norc', '-n', '-c', text], { stdio: 'pipe' });
    for (const [path] of text.matchAll(/\b(?:infra|node_modules|apps|docs)\/[\w./-]+/g))
      t.ok(existsSync(join(root, path)), `${path} exists`);
  },
  yaml(t, { text }) {
    for (const one of parseAllDocuments(text)) t.same(one.errors, [], 'parses');
  },
  /** An excerpt: stands in the sources as it stands here. */
  ts(t, { text }) {
    const flat = (one) => one.replace(/^ +/gm, '');
    t.ok(
      sources.some((source) => flat(source).includes(flat(text).trim())),
      'the sources hold it',
    );
  },
};

const sources = execFileSync('git', ['ls-files', 'packages/*.ts'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((path) => path && existsSync(join(root, path)))
  .map((path) => readFileSync(join(root, path), 'utf8'));

/** What the README shows of `npm start`, but for what installs and builds, which has happened here long ago. */
function checkStart(t, { text }) {
  const shown = text
    .split('\n')
    .filter((line) => !/installing dep|dependencies installed|building what|built in/.test(line));
  const same = shows(shown.join('\n'), system.output, 'text');
  t.ok(same, 'it prints what is shown', same ? {} : { printed: system.output });
}

// First of all: the page names its tenants, and a document may make one of the same name.
t.test('the examples of docs/cli.md work as they stand', async (t) => {
  const blocks = readBlocks(readFileSync(join(root, 'docs/cli.md'), 'utf8'));
  t.ok(blocks.every(({ kind }) => kind === 'bash'));
  const lines = blocks
    .flatMap(({ text }) => text.split('\n'))
    .filter((line) => line && !line.startsWith('#'));
  t.ok(lines.length >= 40, `${lines.length} examples`);
  await runExamples(t, lines, { ...system, operatorKey });
});

const chosen = process.env.DOCUMENTS
  ? documents.filter((name) => name.includes(process.env.DOCUMENTS))
  : documents;
for (const document of chosen) {
  const blocks = readBlocks(readFileSync(join(root, document), 'utf8'));
  t.test(`${document} works as it stands`, async (t) => {
    const printed = await runDocument(t, blocks, { root, ...system, apiKey: await keyFor(document) });
    let last;
    for (const [index, block] of blocks.entries()) {
      const { kind, name, line, text } = block;
      const where = `line ${line}`;
      if (kind === 'sh' && name === undefined) last = printed.get(line);
      else if (kind === 'text' && name === 'start') checkStart(t, block);
      else if (kind === 'js' && name === undefined) t.pass(`${where} ran`);
      else if (name?.includes('.')) {
        if (kind === 'json') JSON.parse(text);
        const uses = (one) => one.kind === 'sh' && one.text.includes(name);
        t.ok(blocks.slice(index + 1).some(uses), `${where}: a command uses ${name}`);
      } else if (kind === 'text' || kind === 'json') {
        const same = last !== undefined && shows(text, last, kind);
        t.ok(same, `${where} shows what the command before prints`, same ? {} : { printed: last });
      } else if (readInstead[kind] && (kind !== 'sh' || name === 'elsewhere')) {
        await t.test(`${where} is sound`, async (t) => readInstead[kind](t, block));
      } else t.fail(`${where}: nobody runs or checks a block of «${kind} ${name ?? ''}»`);
    }
  });
}
