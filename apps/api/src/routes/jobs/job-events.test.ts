import type { Job, JobEvent } from '@scion/contracts';
import { startRedis } from '@scion/testkit';
import t from 'tap';
import { problemOf, startTestApi } from '../../testing/test-api.js';

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis, settings: { heartbeatMs: 20 } });
const tenant = await api.createTenant();
await api.registry.tasks.put(tenant.id, 'inbox', {}, { base: 'test-base' });
const origin = await api.app.listen({ host: '127.0.0.1', port: 0 });

/** A job that has begun, with two events. */
async function startJob(user: string): Promise<Job> {
  const { job } = await api.registry.jobs.create({ tenantId: tenant.id, task: 'inbox', user });
  await api.queue.events.append(job.id, { type: 'state', state: 'queued' });
  await api.queue.events.append(job.id, { type: 'state', state: 'running' });
  return job;
}

/** Ends it as a worker does. */
async function endJob({ id, tenantId, task, user }: Job): Promise<void> {
  await api.queue.events.append(id, { type: 'state', state: 'succeeded' });
  const events = await api.queue.events.read(id);
  await api.registry.jobs.finish({ jobId: id, tenantId, task, user }, { state: 'succeeded', events });
}

interface Stream {
  /** Reads on until a text matches, and returns all that came so far. */
  until(pattern: RegExp): Promise<string>;
  /** Reads to the end. */
  rest(): Promise<string>;
  leave(): void;
}

async function follow(id: string, headers: Record<string, string> = {}): Promise<Stream> {
  const controller = new AbortController();
  const response = await fetch(`${origin}/v1/jobs/${id}/events`, {
    headers: { authorization: `Bearer ${tenant.train}`, accept: 'text/event-stream', ...headers },
    signal: controller.signal,
  });
  if (!response.body || !response.headers.get('content-type')?.startsWith('text/event-stream')) {
    throw new Error(`no stream: ${response.status}`);
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const read = async (enough: () => boolean) => {
    while (!enough()) {
      const { done, value } = await reader.read();
      if (done) break;
      text += value;
    }
    return text;
  };
  return {
    until: (pattern) => read(() => pattern.test(text)),
    rest: () => read(() => false),
    leave: () => controller.abort(),
  };
}

const seqs = (text: string) => [...text.matchAll(/^id: (?:\d+-)?(\d+)$/gm)].map(([, seq]) => Number(seq));

t.test('without asking for a stream it is a list of the events so far', async (t) => {
  const job = await startJob('list');
  const path = `/v1/jobs/${job.id}/events`;
  const list = async (query = {}) => {
    const response = await api.call('GET', path, { key: tenant.train, query });
    t.equal(response.statusCode, 200, response.body);
    return response.json().data.map(({ seq }: JobEvent) => seq);
  };
  t.same(await list(), [1, 2]);
  t.same(await list({ after: '1' }), [2]);
  await endJob(job);
  t.same(await list(), [1, 2, 3], 'the same after the end, from the record');
  t.same(await list({ after: '2' }), [3]);
});

t.test('a stream tells the past, then what comes, and closes at the end of the job', async (t) => {
  const job = await startJob('live');
  const stream = await follow(job.id);
  t.match(await stream.until(/id: 2\n/), /^retry: \d+\n\n/);
  await api.queue.events.append(job.id, { type: 'metric', series: 'final', step: 1, loss: 0.5 });
  t.match(await stream.until(/id: 3\n/), /event: metric\ndata: \{.*"loss":0.5.*\}\n\n/);
  await endJob(job);
  t.same(seqs(await stream.rest()), [1, 2, 3, 4]);
});

t.test('a job that has ended is told whole, and the stream closes', async (t) => {
  const job = await startJob('ended');
  await endJob(job);
  const stream = await follow(job.id);
  t.same(seqs(await stream.rest()), [1, 2, 3]);
});

t.test('a reader resumes after the event it saw last', async (t) => {
  const job = await startJob('resume');
  const first = await follow(job.id);
  await first.until(/id: 1\n/);
  first.leave();
  const second = await follow(job.id, { 'last-event-id': '1' });
  await endJob(job);
  t.same(seqs(await second.rest()), [2, 3]);
  const third = await follow(job.id, { 'last-event-id': '3' });
  t.same(seqs(await third.rest()), []);
});

t.test('a silent stream says that it is still there', async (t) => {
  const job = await startJob('silent');
  const stream = await follow(job.id);
  t.match(await stream.until(/(: still here\n\n){1}/), /still here/);
  stream.leave();
});

t.test('a stream ends with its key, also while nothing happens', async (t) => {
  const job = await startJob('watched');
  const key = await api.registry.keys.create(tenant.id, { name: 'gone soon', scopes: ['train'] });
  const stream = await follow(job.id, { authorization: `Bearer ${key.secret}` });
  await stream.until(/still here/);
  await api.registry.keys.delete(tenant.id, key.id);
  t.same(seqs(await stream.rest()), [1, 2]);
});

t.test('a reader that leaves frees what was held for it', async (t) => {
  const job = await startJob('leaving');
  const subscribe = api.queue.events.subscribe;
  let ended: () => void = () => {};
  const freed = new Promise<void>((done) => {
    ended = done;
  });
  api.queue.events.subscribe = (id, after, signal) => {
    signal?.addEventListener('abort', () => ended(), { once: true });
    return subscribe.call(api.queue.events, id, after, signal);
  };
  t.teardown(() => {
    api.queue.events.subscribe = subscribe;
  });
  const stream = await follow(job.id);
  await stream.until(/id: 2\n/);
  stream.leave();
  await freed;
  t.pass('its subscription ended');
});

t.test('a position that is none is refused', async (t) => {
  const job = await startJob('position');
  for (const value of ['x', '-1', '1.5']) {
    const response = await api.call('GET', `/v1/jobs/${job.id}/events`, {
      key: tenant.train,
      headers: { 'last-event-id': value },
    });
    t.match(problemOf(response), { status: 400, errors: [{ path: 'header/last-event-id' }] });
  }
});

t.test('closing the server ends open streams instead of waiting for them', async (t) => {
  const stream = await follow((await startJob('closing')).id);
  await stream.until(/id: 2\n/);
  const rest = stream.rest();
  await api.app.close();
  t.same(seqs(await rest), [1, 2]);
});
