/**
 * How long a lost Redis takes to restore from the objects, and what Redis holds of a model: `node test/bench/rebuild.mjs
 * [models] [examples of each] [memory|folder]` after a build. Each model has one segment of examples, one version, one switch of `live` and
 * one ended job; every hundredth a queued one.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createIds } from '@scion/contracts';
import { createFileStore, createMemoryStore } from '@scion/store';
import { startRedis } from '@scion/testkit';
import { createRegistry } from '../../packages/registry/dist/index.js';
import { encodedVersion, gate } from '../../packages/registry/dist/testing/world.js';

const models = Number(process.argv[2] ?? 10_000);
const examples = Number(process.argv[3] ?? 2);
const only = process.argv[4];
const { Redis } = createRequire(new URL('../../packages/registry/package.json', import.meta.url))('ioredis');
const folder = mkdtempSync(join(tmpdir(), 'scion-rebuild-'));
const rows = [];

async function measure(kind, store) {
  const server = await startRedis();
  const redis = new Redis(server.connect());
  const registry = await createRegistry({ store, redis, clock: Date.now, newId: createIds(Date.now) });
  await registry.ensureIndexed();
  const { id: tenantId } = await registry.tenants.create({ name: 'Orchard' });
  await registry.tasks.put(tenantId, 'mail', {}, { base: 'minilm' });
  const plant = async (at) => {
    const ref = { tenantId, task: 'mail', user: `user ${at}@example.com` };
    await registry.examples.append(
      ref,
      Array.from({ length: examples }, (_, row) => ({
        ...{ id: `mail-${row}`, input: 'Invoice overdue' },
        label: row % 2 === 0 ? 'now' : 'later',
      })),
    );
    const { job } = await registry.jobs.create(ref);
    const { version } = await registry.models.publish(ref, job.id, (n) => encodedVersion(ref, job.id, n));
    await registry.models.promote(ref, version, job.id);
    const events = [{ seq: 1, at: job.createdAt, type: 'state', state: 'succeeded' }];
    await registry.jobs.finish({ ...ref, jobId: job.id }, { state: 'succeeded', version, gate, events });
    if (at % 100 === 0) await registry.jobs.create(ref);
  };
  const usedBytes = async () => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))[1]);
  const emptyBytes = await usedBytes();
  const startedAt = performance.now();
  for (let from = 0; from < models; from += 64) {
    await Promise.all(Array.from({ length: Math.min(64, models - from) }, (_, at) => plant(from + at)));
  }
  const plantedSeconds = (performance.now() - startedAt) / 1_000;
  // Beside the indexes, of users who have just sent examples the ids of these are kept for an hour.
  const busyBytes = (await usedBytes()) - emptyBytes;
  await server.flush();
  const { seconds, ...report } = await registry.rebuild();
  const round = (value) => Math.round(value * 100) / 100;
  rows.push({
    ...{ store: kind, models: report.models, jobs: report.jobs, unfinished: report.unfinishedJobs },
    ...{ seconds: round(seconds), modelsPerSecond: Math.round(report.models / seconds) },
    plantedSeconds: round(plantedSeconds),
    redisBytesPerModel: Math.round(((await usedBytes()) - emptyBytes) / models),
    redisBytesPerBusyModel: Math.round(busyBytes / models),
  });
  await registry.close();
  redis.disconnect();
  await server.close();
}

try {
  if (only !== 'folder') await measure('memory', createMemoryStore());
  if (only !== 'memory') await measure('folder', await createFileStore({ root: join(folder, 'objects') }));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.table(rows);
const out = new URL('out/', import.meta.url);
mkdirSync(out, { recursive: true });
writeFileSync(new URL('rebuild.json', out), `${JSON.stringify({ rows }, undefined, 2)}\n`);
