import type { ServerResponse } from 'node:http';
import t from 'tap';
import { addJobEvent, type JobEvent } from './index.js';
import { json, problem, startServer } from './testing/server.js';

const at = '2026-11-23T20:00:00.000Z';
const metric = (seq: number): JobEvent => ({
  seq,
  at,
  type: 'metric',
  series: 'final',
  step: seq,
  loss: 1 / seq,
});
const ended = (seq: number): JobEvent => ({ seq, at, type: 'state', state: 'succeeded' });

function begin(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
}

function send(response: ServerResponse, ...events: JobEvent[]): void {
  for (const event of events) response.write(`id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`);
}

async function collect(events: AsyncIterable<JobEvent>): Promise<number[]> {
  const seqs: number[] = [];
  for await (const event of events) seqs.push(event.seq);
  return seqs;
}

t.test(
  'events come in order and the iteration ends with the job, though the stream stays open',
  async (t) => {
    const server = await startServer((response) => {
      begin(response);
      response.write(': heartbeat\n\n');
      send(response, metric(1), metric(2), ended(3));
    });
    t.teardown(server.close);
    t.strictSame(await collect(server.client().jobs.events('job_a')), [1, 2, 3]);
    t.equal(server.seen[0]?.headers.accept, 'text/event-stream');
    t.equal(server.seen[0]?.headers.authorization, 'Bearer scion_test');
    t.equal(server.seen[0]?.headers['last-event-id'], undefined);
  },
);

t.test('an event cut anywhere, even inside a character, arrives whole', async (t) => {
  const event = { ...metric(1), series: 'fölд 1' };
  const bytes = Buffer.from(`id: 1\r\ndata: ${JSON.stringify(event)}\r\n\r\n`);
  for (const cut of bytes.keys()) {
    const server = await startServer((response) => {
      begin(response);
      response.write(bytes.subarray(0, cut), () => {
        response.write(bytes.subarray(cut));
        send(response, ended(2));
      });
    });
    const received: JobEvent[] = [];
    for await (const one of server.client().jobs.events('job_a')) received.push(one);
    t.strictSame(received, [event, ended(2)], `cut at ${cut}`);
    await server.close();
  }
});

t.test('a broken stream resumes after the last event seen', async (t) => {
  const server = await startServer((response, seen, index) => {
    begin(response);
    if (index === 0) {
      send(response, metric(1), metric(2));
      response.write('id: 3\ndata: {"seq":3,', () => response.destroy());
    } else {
      t.equal(seen.headers['last-event-id'], '2');
      send(response, metric(3), ended(4));
    }
  });
  t.teardown(server.close);
  t.strictSame(await collect(server.client().jobs.events('job_a')), [1, 2, 3, 4]);
});

t.test('`after` skips what the caller has', async (t) => {
  const server = await startServer((response, seen) => {
    t.equal(seen.headers['last-event-id'], '7');
    begin(response);
    send(response, metric(8), ended(9));
  });
  t.teardown(server.close);
  t.strictSame(await collect(server.client().jobs.events('job_a', { after: 7 })), [8, 9]);
});

t.test(
  'a new attempt starts the story over, and a list kept with addJobEvent tells only that one',
  async (t) => {
    const server = await startServer((response) => {
      begin(response);
      send(response, metric(1), metric(2), metric(3), metric(2), ended(3));
    });
    t.teardown(server.close);
    const received: JobEvent[] = [];
    for await (const event of server.client().jobs.events('job_a')) addJobEvent(received, event);
    t.strictSame(received, [metric(1), metric(2), ended(3)]);
  },
);

t.test('a stream that ends early is opened anew, until the job itself says that it is over', async (t) => {
  const server = await startServer((response, seen, index) => {
    if (seen.url === '/v1/jobs/job_a') {
      json(response, 200, { state: index > 3 ? 'cancelled' : 'running' });
    } else {
      begin(response);
      if (index === 0) send(response, metric(1));
      response.end();
    }
  });
  t.teardown(server.close);
  t.strictSame(await collect(server.client().jobs.events('job_a')), [1]);
  t.strictSame(
    server.seen.map((one) => one.url.endsWith('/events')),
    [true, true, false, true, false],
  );
});

t.test('failures in a row are bounded; an event in between starts the count anew', async (t) => {
  const server = await startServer((response, _seen, index) => {
    if (index === 2) {
      begin(response);
      send(response, metric(1));
    }
    response.socket?.end();
  });
  t.teardown(server.close);
  await t.rejects(collect(server.client().jobs.events('job_a', { maxRetries: 2 })), {
    code: 'network_error',
  });
  t.equal(server.seen.length, 3 + 2);
});

t.test('a stream that breaks for good rejects with an error of ours', async (t) => {
  const server = await startServer((response) => {
    begin(response);
    response.write(': heartbeat\n\n', () => response.destroy());
  });
  t.teardown(server.close);
  await t.rejects(collect(server.client().jobs.events('job_a', { maxRetries: 0 })), {
    name: 'ScionError',
    code: 'network_error',
  });
});

t.test('a Retry-After of more than a minute is the caller’s to decide on, in streams as well', async (t) => {
  const server = await startServer((response) =>
    problem(response, 429, 'quota_exceeded', { 'retry-after': '3600' }),
  );
  t.teardown(server.close);
  const watch = async () => {
    for await (const _overview of server.client().system.watch()) break;
  };
  for (const call of [async () => void (await server.client().jobs.wait('job_a')), watch])
    await t.rejects(call(), { code: 'quota_exceeded', retryAfterSeconds: 3600 });
  t.equal(server.seen.length, 2);
  t.strictSame(server.waits, []);
});

t.test('a refusal is not retried', async (t) => {
  const server = await startServer((response) => problem(response, 404, 'job_not_found'));
  t.teardown(server.close);
  await t.rejects(collect(server.client().jobs.events('job_a')), {
    code: 'job_not_found',
    requestId: 'req_01',
  });
  t.equal(server.seen.length, 1);
});

t.test('leaving the loop closes the connection', async (t) => {
  let closed: Promise<void> | undefined;
  const server = await startServer((response) => {
    closed = new Promise((resolve) => response.on('close', resolve));
    begin(response);
    send(response, metric(1));
  });
  t.teardown(server.close);
  for await (const _event of server.client().jobs.events('job_a')) break;
  await closed;
  t.pass('the server saw it close');
});

t.test('an abort ends a silent stream with the signal’s own reason', async (t) => {
  const controller = new AbortController();
  const server = await startServer((response) => {
    begin(response);
    send(response, metric(1));
  });
  t.teardown(server.close);
  await t.rejects(
    async () => {
      for await (const _event of server.client().jobs.events('job_a', { signal: controller.signal })) {
        controller.abort(new Error('enough'));
      }
    },
    { message: 'enough' },
  );
});

t.test('wait reports each event and returns the finished job', async (t) => {
  const server = await startServer((response, seen, index) => {
    if (seen.url.endsWith('/events')) {
      begin(response);
      send(response, metric(1), ended(2));
    } else {
      json(response, 200, { id: 'job_a', state: index < 2 ? 'running' : 'succeeded' });
    }
  });
  t.teardown(server.close);
  const seqs: number[] = [];
  const job = await server.client().jobs.wait('job_a', { onEvent: (event) => seqs.push(event.seq) });
  t.equal(job.state, 'succeeded');
  t.strictSame(seqs, [1, 2]);
});

t.test('wait asks again and again where event streams do not pass', async (t) => {
  const server = await startServer((response, _seen, index) =>
    json(response, 200, { id: 'job_a', state: index < 3 ? 'running' : 'failed' }),
  );
  t.teardown(server.close);
  t.equal((await server.client().jobs.wait('job_a')).state, 'failed');
});
