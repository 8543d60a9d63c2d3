// The main path measured from outside, through HTTP, on the embedded system: clicks to live, predictions one by one.
//
//   node test/bench/main-path.mjs
//
// Prints a table and writes test/bench/out/main-path.json. Load generator and system share this machine's processors, so
// the figures at concurrency 32 include the client's own work. Texts are about 12 tokens long.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { startEmbeddedSystem } from './embedded-system.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const rows = [];
const report = (name, value, unit) => {
  rows.push({ name, value, unit });
  console.log(`${name.padEnd(58)} ${String(value).padStart(10)} ${unit}`);
};
const round = (value, digits = 1) => Number(value.toFixed(digits));
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Resident memory of the system's process that runs a script, MB. */
function residentMegabytes(folder, script) {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      const mine = readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`SCION_DATA=${folder}`);
      if (!mine || !command.includes(script)) continue;
      return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
    } catch {}
  }
  return Number.NaN;
}

const subjects = [
  'the invoice',
  'your parcel',
  'our server',
  'the contract',
  'a colleague',
  'the printer',
  'my order',
  'the team',
];
const urgent = [
  'is failing right now',
  'needs an answer today',
  'is down for everyone',
  'must be signed before noon',
  'was breached',
];
const later = [
  'has a newsletter',
  'shared some photos',
  'likes the new colours',
  'will be discussed in spring',
  'sent regards',
];
/** `count` different short texts with their labels, half of each. */
function clicks(count) {
  return Array.from({ length: count }, (_, i) => {
    const endings = i % 2 ? urgent : later;
    const input = `Message ${i}: ${subjects[i % subjects.length]} ${endings[Math.floor(i / 2) % endings.length]}`;
    return { id: `c${i}`, input, label: i % 2 ? 'urgent' : 'later' };
  });
}

console.log(`${availableParallelism()} processors, Node ${process.versions.node}\n`);
const startedAt = performance.now();
const { url, key, folder, call, close } = await startEmbeddedSystem();
try {
  report('start to serving, base not yet converted', round((performance.now() - startedAt) / 1000), 's');
  await call('PUT', '/v1/tasks/triage', key, {
    kind: 'classification',
    modality: 'text',
    labels: ['urgent', 'later'],
  });

  for (const count of [40, 200]) {
    const seconds = [];
    let bytes = 0;
    for (let repeat = 0; repeat < 5; repeat++) {
      const user = `user-${count}-${repeat}`;
      await call('POST', `/v1/tasks/triage/users/${user}/examples`, key, { examples: clicks(count) });
      const from = performance.now();
      await call('POST', '/v1/jobs', key, { task: 'triage', user });
      let model = await call('GET', `/v1/tasks/triage/users/${user}/model`, key);
      while (model.live === null) model = await call('GET', `/v1/tasks/triage/users/${user}/model`, key);
      seconds.push((performance.now() - from) / 1000);
      bytes = model.live.adapterBytes;
    }
    report(`job post to live, ${count} examples (median of 5)`, round(median(seconds), 2), 's');
    report(`adapter, ${count} examples, 2 labels`, bytes, 'bytes');
  }

  let asked = 0;
  for (const connections of [1, 32]) {
    const request = {
      url: `${url}/v1/tasks/triage/users/user-40-0/predict`,
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      // No two texts are the same, for what the trunk makes of one is remembered.
      requests: [
        {
          setupRequest(one) {
            asked += 1;
            return {
              ...one,
              body: JSON.stringify({ inputs: [`Server ${asked} is down, nobody can log in`] }),
            };
          },
        },
      ],
      connections,
    };
    await autocannon({ ...request, duration: 2 });
    const result = await autocannon({ ...request, duration: 8 });
    if (result.non2xx || result.errors)
      throw new Error(`${result.non2xx} answers not 2xx, ${result.errors} errors`);
    report(`predict, 1 row, concurrency ${connections}: p50`, result.latency.p50, 'ms');
    report(`predict, 1 row, concurrency ${connections}: p99`, result.latency.p99, 'ms');
    report(
      `predict, 1 row, concurrency ${connections}: throughput`,
      round(result.requests.average),
      'requests/s',
    );
  }
  report('resident memory of the api', round(residentMegabytes(folder, 'apps/api'), 0), 'MB');
  report('resident memory of the worker', round(residentMegabytes(folder, 'apps/worker'), 0), 'MB');
  mkdirSync(join(root, 'test/bench/out'), { recursive: true });
  writeFileSync(join(root, 'test/bench/out/main-path.json'), `${JSON.stringify(rows, null, 2)}\n`);
} finally {
  await close();
}
