// Imports a CSV file of many users' past decisions, one row an example, and trains a model for each. Run again, it
// sends nothing twice and trains only who has something new: ids of examples are hashes of their rows.
//   node examples/bulk-import/import.mjs tickets.csv
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createClient, isScionError } from '@scion/sdk';
import { readCsv } from './read-csv.mjs';

const [path] = process.argv.slice(2);
const { SCION_API_KEY: apiKey, SCION_URL: baseUrl = 'http://127.0.0.1:7070' } = process.env;
if (!path || !apiKey) {
  process.stderr.write(
    'Usage: SCION_API_KEY=scion_… node import.mjs file.csv (columns customer, text, team)\n',
  );
  process.exit(2);
}
const scion = createClient({ baseUrl, apiKey });
const task = 'support-routing';
/** The most that the API takes in one request. */
const rowsPerRequest = 1_000;
const jobsAtOnce = 8;

/** By user: rows to send, and whether any of those sent was new. */
const waiting = new Map();
const changed = new Set();
const totals = { rows: 0, accepted: 0, duplicates: 0, bad: 0 };

async function send(user) {
  const rows = waiting.get(user) ?? [];
  waiting.set(user, []);
  if (rows.length === 0) return;
  const { accepted, duplicates } = await scion.examples.append(task, user, rows);
  totals.accepted += accepted;
  totals.duplicates += duplicates;
  if (accepted > 0) changed.add(user);
}

async function train(user) {
  try {
    const job = await scion.jobs.create({ task, user, priority: 'bulk', training: { method: 'head' } });
    const { state, version, gate, failure } = await scion.jobs.wait(job.id);
    const verdict = gate?.promoted ? `version ${version} is live` : (gate?.reason ?? failure?.detail);
    return `${user}: ${state}, ${verdict}`;
  } catch (error) {
    // Too few rows of a label, say: told, and the others go on.
    if (!isScionError(error)) throw error;
    return `${user}: not trained, ${error.detail}`;
  }
}

// Each customer routes to teams of their own, so the task has no closed set of labels.
await scion.tasks.put(task, {});
for await (const { line, record } of readCsv(createReadStream(path, 'utf8'))) {
  totals.rows++;
  const { customer: user, text: input, team: label } = record;
  const missing = ['customer', 'text', 'team'].filter((name) => !record[name]);
  if (missing.length > 0) {
    totals.bad++;
    process.stdout.write(`line ${line}: no ${missing.join(', no ')}; left out\n`);
    continue;
  }
  const id = createHash('sha256')
    .update(JSON.stringify([user, input, label]))
    .digest('hex');
  const rows = waiting.get(user) ?? waiting.set(user, []).get(user);
  rows.push({ id, input, label });
  if (rows.length === rowsPerRequest) await send(user);
}
for (const user of waiting.keys()) await send(user);
process.stdout.write(
  `${totals.rows} rows: ${totals.accepted} stored, ${totals.duplicates} known already, ${totals.bad} left out\n`,
);

const users = [...changed];
for (let from = 0; from < users.length; from += jobsAtOnce) {
  const lines = await Promise.all(users.slice(from, from + jobsAtOnce).map(train));
  process.stdout.write(`${lines.join('\n')}\n`);
}
