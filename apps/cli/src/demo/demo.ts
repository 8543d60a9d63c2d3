import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PredictResponse } from '@scion/contracts';
import { type Client, createClient, isScionError } from '@scion/sdk';
import { writePrivateFile } from '../private-file.js';
import { readers, unseenHeadlines } from './items.js';

const task = 'headlines';

interface DemoOptions {
  url: string;
  operatorKey: string;
  dataPath: string;
  print(line: string): void;
  signal: AbortSignal;
}

/** A client all of whose calls, retries included, end with the signal. */
const connect = (baseUrl: string, apiKey: string, signal: AbortSignal): Client =>
  createClient({
    ...{ baseUrl, apiKey },
    fetch: (input, init) =>
      fetch(input, { ...init, signal: AbortSignal.any(init?.signal ? [signal, init.signal] : [signal]) }),
    sleep: (ms) => sleep(ms, undefined, { signal }),
  });

/**
 * Two readers label the same headlines oppositely and each gets a model of their own, through the same API that a
 * product's backend uses. Run again, it finds the trained models and only asks them, unless they belong to another base.
 */
export async function runDemo(options: DemoOptions): Promise<void> {
  const { url, operatorKey, print, signal } = options;
  const { client, apiKey } = await demoTenant(options);
  await client.tasks.put(task, {
    kind: 'classification',
    modality: 'text',
    labels: ['like', 'dislike'],
    untrained: 'zero-shot',
  });
  const operator = connect(url, operatorKey, signal);
  const { base } = await operator.system.get();
  const bases = await Promise.all(readers.map((reader) => baseOfLive(client, reader)));
  if (bases.every((sha256) => sha256 === undefined)) {
    print('');
    print(
      'Two readers, one frozen base. Before training, both get the same guess from the label names alone:',
    );
    await printPredictions(client, print);
  } else if (bases.some((sha256) => sha256 !== undefined && sha256 !== base.sha256)) {
    print('');
    print(`The readers’ models belong to another base than ${base.name}, so they are trained again.`);
  }
  const untrained = readers.filter((_, at) => bases[at] !== base.sha256);
  const outcomes = await Promise.all(untrained.map((reader) => train(client, reader, print)));
  for (const outcome of outcomes) print(outcome);
  print('');
  print('What each reader’s own model says of headlines nobody labelled:');
  await printPredictions(client, print);
  const { cache } = await operator.system.get();
  print(
    `Adapter cache holds ${cache.entries} adapters, ${cache.bytes} of ${cache.budgetBytes} bytes; ` +
      `${cache.hits} hits, ${cache.misses} misses`,
  );
  print('');
  print('Ask one yourself:');
  print(
    `  curl -s ${url}/v1/tasks/${task}/users/${encodeURIComponent(readers[0].user)}/predict \\\n` +
      `    -H 'authorization: Bearer ${apiKey}' -H 'content-type: application/json' \\\n` +
      `    -d '{"inputs": ["Frost-proof pots for the terrace", "A faster garbage collector lands"]}'`,
  );
  print('');
}

/** The demo's tenant and its key, made once and remembered in the data folder. */
async function demoTenant({
  url,
  operatorKey,
  dataPath,
  signal,
}: DemoOptions): Promise<{ client: Client; apiKey: string }> {
  const path = join(dataPath, 'demo.json');
  const apiKey = await rememberedKey(path);
  if (apiKey !== undefined) {
    const client = connect(url, apiKey, signal);
    try {
      await client.tasks.list();
      return { client, apiKey };
    } catch (error) {
      if (!isScionError(error, 'unauthenticated')) throw error;
    }
  }
  const operator = connect(url, operatorKey, signal);
  const tenant = await operator.tenants.create({ name: 'Demo' });
  const key = await operator
    .withTenant(tenant.id)
    .keys.create({ name: 'demo', scopes: ['admin', 'train', 'predict'] });
  await writePrivateFile(path, JSON.stringify({ tenantId: tenant.id, apiKey: key.secret }));
  return { client: connect(url, key.secret, signal), apiKey: key.secret };
}

/** Undefined also where half a file was left: the demo then makes another tenant. */
async function rememberedKey(path: string): Promise<string | undefined> {
  try {
    const { apiKey } = JSON.parse(await readFile(path, 'utf8')) as { apiKey?: string };
    return apiKey;
  } catch {
    return undefined;
  }
}

type Reader = (typeof readers)[number];

/** Hash of the base that a reader's live version was trained on; undefined where nothing is live. */
async function baseOfLive(client: Client, { user }: Reader): Promise<string | undefined> {
  try {
    return (await client.models.get(task, user)).live?.card.baseSha256;
  } catch (error) {
    if (!isScionError(error, 'user_not_found')) throw error;
    return undefined;
  }
}

/** Resolves to a line that says how it went; says by itself what takes long. */
async function train(client: Client, reader: Reader, print: (line: string) => void): Promise<string> {
  const examples = (['like', 'dislike'] as const).flatMap((label) =>
    reader[`${label}s`].map((input, index) => ({ id: `${label}-${index}`, input, label })),
  );
  await client.examples.append(task, reader.user, examples);
  const startedAt = performance.now();
  const seconds = () => ((performance.now() - startedAt) / 1000).toFixed(2);
  const job = await client.jobs.create({ task, user: reader.user });
  const done = await client.jobs.wait(job.id, {
    onEvent({ stage }) {
      // By now the gate has judged the head. Only one that makes mistakes leaves adapters something to win.
      if (stage === 'adapter')
        print(`${reader.user}: a head after ${seconds()} s; low-rank adapters are tried now, some ten more`);
    },
  });
  if (done.state !== 'succeeded') {
    return `Training for ${reader.user} ${done.state}: ${done.failure?.detail ?? 'see the job page'}`;
  }
  const { live } = await client.models.get(task, reader.user);
  const verdict = live
    ? `version ${live.version} live, adapter ${live.adapterBytes} bytes, ` +
      `accuracy ${percent(live.card.gate.candidate.accuracy ?? 0)} on rows it was not trained on`
    : `no version live: ${done.gate?.reason ?? 'the gate kept it back'}`;
  return `${reader.user}: ${examples.length} clicks, trained in ${seconds()} s; ${verdict}`;
}

async function printPredictions(client: Client, print: (line: string) => void): Promise<void> {
  const answers = await Promise.all(
    readers.map(({ user }) => client.predict({ task, user, inputs: [...unseenHeadlines] })),
  );
  const width = Math.max(...unseenHeadlines.map((headline) => headline.length)) + 2;
  const columns = readers.map(({ user }) => (user.split('@')[0] ?? user).padEnd(14));
  print(`  ${'headline'.padEnd(width)}${columns.join('')}`);
  unseenHeadlines.forEach((headline, row) => {
    const cells = answers.map((answer) => cell(answer, row).padEnd(14));
    print(`  ${headline.padEnd(width)}${cells.join('')}`);
  });
}

function cell(answer: PredictResponse, row: number): string {
  const prediction = answer.predictions[row];
  // The task is a classification.
  if (!prediction || !('label' in prediction)) return '';
  return `${prediction.label ?? 'unsure'} ${percent(prediction.probability)}`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
