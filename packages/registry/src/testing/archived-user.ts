import type { ModelRef } from '@scion/contracts';
import t from 'tap';
import { objectKeys, type Rebind } from '../index.js';
import { sha256Hex } from '../secrets.js';
import { createWorld, encodedVersion, gate, plant, testBase } from './world.js';

/** Two deployments, and a user of two tasks exported from the first. Made anew for each test file that imports this. */
const here = await createWorld();
export const there = await createWorld();
t.teardown(async () => {
  await here.close();
  await there.close();
});
export const [from, to] = [await here.registry(), await there.registry()];
await from.ensureIndexed();
await to.ensureIndexed();
export const user = 'Ada Quince@example.com';
export const source = { ...(await plant(from)), user };
await from.tasks.put(source.tenantId, 'news', {}, { base: 'minilm' });

async function fill(ref: ModelRef): Promise<string> {
  await from.examples.append(ref, [
    { id: 'a', input: 'one', label: 'like', weight: 2 },
    { id: 'gone', input: 'secret pear', label: 'skip' },
    { id: 'b', input: 'two', label: 'skip' },
  ]);
  await from.examples.delete(ref, 'gone');
  const { job } = await from.jobs.create(ref);
  for (const by of [job.id, `job_${'1'.repeat(26)}`]) {
    const { version } = await from.models.publish(ref, by, (n) => encodedVersion(ref, by, n));
    await from.models.promote(ref, version, by);
  }
  await from.models.rollback(ref, { version: 1, by: 'key_1' });
  await from.models.setPinned(ref, 2, true, 'key_1');
  const events = [{ seq: 1, at: job.createdAt, type: 'state', state: 'succeeded' } as const];
  await from.jobs.finish({ ...ref, jobId: job.id }, { state: 'succeeded', version: 1, gate, events });
  await from.jobs.create(ref);
  return job.id;
}
export const jobId = await fill(source);
await fill({ ...source, task: 'news' });

async function exported(): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of await from.users.export(source.tenantId, user, testBase)) parts.push(part);
  return Buffer.concat(parts);
}
export const archive = await exported();

/** As the engine's, as far as records go: other bytes for another owner. */
export const rebind: Rebind = (adapter, { version, sha256 }, { owner, jobId: by }) => {
  t.equal(sha256Hex(adapter), sha256);
  const { card } = encodedVersion(owner, by, version);
  const bytes = Buffer.concat([adapter, Buffer.from(` of ${owner.tenantId}`)]);
  return { bytes, sha256: sha256Hex(bytes), card };
};
export async function newTenant(): Promise<string> {
  const { tenantId } = await plant(to);
  await to.tasks.put(tenantId, 'news', {}, { base: 'minilm' });
  return tenantId;
}
export const nothingStored = async (tenantId: string, name = user) =>
  (await there.store.list(objectKeys.userPrefix(tenantId, name))).objects.length === 0;
