// What the HTTP API bears on the embedded system: appending examples and predicting, under autocannon at 64 connections.
//
//   node test/bench/api.mjs [seconds each, default 10]
//
// Prints a table and writes test/bench/out/api.json. Load generator and system share this machine's processors, so the
// figures include the client's own work. One row of about 12 tokens a request; appends go to a folder on this disk, each
// flushed before its answer.
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { startEmbeddedSystem } from './embedded-system.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const seconds = Number(process.argv[2] ?? 10);
const connections = 64;
const users = 16;
const { url, key, call, close } = await startEmbeddedSystem();

const rows = [];
/** Sends requests for a while, each made by `request(n)`, and reports what came back. */
async function load(what, request) {
  let sent = 0;
  const next = () => {
    sent += 1;
    const { path, body } = request(sent);
    return { method: 'POST', path, body: JSON.stringify(body) };
  };
  const result = await autocannon({
    ...{ url, connections, duration: seconds },
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    requests: [{ ...next(), setupRequest: (one) => ({ ...one, ...next() }) }],
  });
  const failed = result.non2xx + result.errors + result.timeouts;
  const row = {
    ...{ what, connections, requestsPerSecond: Math.round(result.requests.average) },
    ...{ p50Ms: result.latency.p50, p99Ms: result.latency.p99, answered: result['2xx'], failed },
  };
  rows.push(row);
  console.log(
    `${what.padEnd(44)} ${String(row.requestsPerSecond).padStart(7)} requests/s   p50 ${row.p50Ms} ms   p99 ${row.p99Ms} ms   ${failed} failed`,
  );
  if (failed > 0) process.exitCode = 1;
}

try {
  for (const task of ['trained', 'stored']) await call('PUT', `/v1/tasks/${task}`, key, {});

  const texts = ['must be signed before noon, says the office', 'shares some photos of the summer party'];
  for (let user = 0; user < users; user += 1) {
    const examples = Array.from({ length: 20 }, (_, at) => ({
      ...{ id: `e${at}`, input: `${texts[at % 2]}, part ${at}`, label: at % 2 ? 'later' : 'urgent' },
    }));
    await call('POST', `/v1/tasks/trained/users/u${user}/examples`, key, { examples });
    const job = await call('POST', '/v1/jobs', key, { task: 'trained', user: `u${user}` });
    for (let state = job.state; state !== 'succeeded'; ) {
      ({ state } = await call('GET', `/v1/jobs/${job.id}`, key));
      if (state === 'failed') throw new Error('a job failed');
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  const input = (n) => `Message ${n}: the contract needs an answer today, please`;
  const append = (user) => (n) => ({
    path: `/v1/tasks/stored/users/${user(n)}/examples`,
    body: { examples: [{ input: input(n), label: 'urgent' }] },
  });
  await load(
    'append one example, a user each request',
    append((n) => `u${n}`),
  );
  await load(
    `append one example, ${users} users in turn`,
    append((n) => `s${n % users}`),
  );
  const predict = (n) => ({
    path: `/v1/tasks/trained/users/u${n % users}/predict`,
    body: { inputs: [input(n)] },
  });
  await load(`predict one row, ${users} users in turn`, predict);

  const out = join(root, 'test/bench/out');
  mkdirSync(out, { recursive: true });
  const machine = { processors: availableParallelism(), node: process.version };
  writeFileSync(join(out, 'api.json'), `${JSON.stringify({ machine, seconds, rows }, null, 2)}\n`);
} finally {
  await close();
}
