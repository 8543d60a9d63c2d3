// The examples of docs/cli.md, run as they stand against a running system: bash reads the line, and the command line itself
// runs in this process, so that forty of them cost no more than a few programs' starts.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createClient } from '@scion/sdk';
import { commands } from '../../apps/cli/dist/commands.js';
import { findCommand, parse } from '../../apps/cli/dist/parse.js';
import { run } from '../../apps/cli/dist/run.js';

/** Why some are only parsed. */
const elsewhere = [
  [/^scion up/, 'every test of the whole system starts it so'],
  [/^scion base add \.\//, 'no model hub is in reach; test/cli.test.mjs registers a file and a folder'],
  [/^scion rebuild/, 'Redis is not lost here; test/durability.test.mjs loses it'],
  [/10\.0\.0\.5/, 'there is no such deployment'],
  [/^scion bench/, 'takes half a minute; test/embedded.test.mjs runs a short one'],
];
/** Exit codes other than 0 that an example comes to, and why. */
const asks = /^scion (task delete feed$|erase)/;

const user = 'ada@example.com';
const titles = [
  'Pruning roses',
  'Slugs in the lettuce',
  'Sowing beans',
  'Old apple trees',
  'Compost',
  'Hedges',
];
const others = ['A faster laptop', 'Two phones', 'Kernel patches', 'A cloud outage', 'Chips', 'Compilers'];

/** Lays out the files that examples read, and the tenants that they name. */
async function prepareWorld(cwd, { url, operatorKey }) {
  const rows = [...titles.map((title) => [title, 'like']), ...others.map((title) => [title, 'dislike'])];
  writeFileSync(
    join(cwd, 'clicks.csv'),
    ['user,title,verdict', ...rows.map(([title, verdict]) => `${user},${title},${verdict}`)].join('\n'),
  );
  writeFileSync(join(cwd, 'ada.ndjson'), '{"input": "The checkout is broken", "label": "urgent"}\n');
  writeFileSync(join(cwd, 'titles.txt'), 'Ten hardy roses\nA new scheduler\n');
  const feed = { labels: ['like', 'dislike'], training: { method: 'head' } };
  writeFileSync(join(cwd, 'feed.json'), JSON.stringify(feed));
  mkdirSync(join(cwd, '.config/fish/completions'), { recursive: true });
  const operator = createClient({ baseUrl: url, apiKey: operatorKey });
  const tenant = await operator.tenants.create({ name: 'docs/cli.md' });
  const meadow = await operator.tenants.create({ name: 'Meadow' });
  await operator.withTenant(meadow.id).tasks.put('feed', feed);
  return { tenantId: tenant.id, client: operator.withTenant(tenant.id) };
}

/** What must have happened before a line, as it would have in a deployment that has run for a while. */
const before = [
  [
    /^scion rollback .*com$/,
    async (client) => {
      for (let version = 0; version < 2; version += 1)
        await client.jobs.wait((await client.jobs.create({ task: 'feed', user })).id);
      for (const version of [2, 1]) await client.models.promote('feed', user, version);
    },
  ],
];

/** Arguments and standard input that bash hands to `scion` in a line. */
function readLine(line, cwd) {
  const { output, status } = bash(
    `scion() { printf '%s\\0' "$@" >&3; cat >&4; }; jq() { cat; }; ${line}`,
    cwd,
  );
  if (status !== 0) throw new Error(`bash cannot run it: ${output[2]}`);
  return { args: output[3].toString().split('\0').slice(0, -1), stdin: output[4] };
}

const bash = (script, cwd) =>
  spawnSync('bash', ['--norc', '-o', 'pipefail', '-c', script], {
    cwd,
    env: { PATH: process.env.PATH, HOME: cwd },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
  });

/** @param lines the examples, in the order of the page */
export async function runExamples(t, lines, system) {
  const cwd = mkdtempSync(join(tmpdir(), 'scion-examples-'));
  const home = process.cwd();
  t.teardown(() => {
    process.chdir(home);
    rmSync(cwd, { recursive: true, force: true });
  });
  const { client, tenantId } = await prepareWorld(cwd, system);
  // As a person's shell in which `npm start` runs: no key, but the data folder of the running system.
  const env = { SCION_DATA: system.dataFolder, SCION_TENANT: tenantId, NO_COLOR: '1' };
  process.chdir(cwd);
  for (const line of lines) {
    const why = elsewhere.find(([pattern]) => pattern.test(line))?.[1];
    const { args, stdin } = readLine(line, cwd);
    if (why) {
      const found = findCommand(commands, args);
      t.doesNotThrow(() => parse(found.command, found.rest, env), `${line} is understood; ${why}`);
      continue;
    }
    for (const [pattern, prepare] of before) if (pattern.test(line)) await prepare(client);
    const printed = { stdout: '', stderr: '' };
    const stream = (name) => ({
      write(part) {
        printed[name] += part;
        return true;
      },
    });
    // An id that the page shortens is one that there is.
    const real = await Promise.all(
      args.map(async (arg) => (arg === 'key_01…' ? (await client.keys.list()).data[0].id : arg)),
    );
    const code = await run(real, {
      ...{ stdout: stream('stdout'), stderr: stream('stderr'), stdin: Readable.from([stdin]) },
      ...{ env, signal: new AbortController().signal },
    });
    t.equal(code, asks.test(line) ? 2 : 0, `${line}: ${printed.stderr.slice(0, 500)}`);
    if (asks.test(line)) t.match(printed.stderr, /Nobody can be asked here/);
    // What it printed goes where the line sends it.
    writeFileSync(join(cwd, '.printed'), printed.stdout);
    t.equal(bash(`scion() { cat ~/.printed; }; jq() { cat; }; ${line}`, cwd).status, 0);
  }
  t.match(readFileSync(join(cwd, 'ada.ndjson'), 'utf8'), /"label":"like"/, 'redirections are followed');
}
