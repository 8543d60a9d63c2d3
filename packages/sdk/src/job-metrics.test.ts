import type { JobEvent } from '@scion/contracts';
import t from 'tap';
import { startServer } from './testing/server.js';

t.test('a job’s metrics are its curves alone; a new attempt is numbered', async (t) => {
  const at = '2026-01-01T00:00:00.000Z';
  const events: JobEvent[] = [
    { seq: 1, at, type: 'state', state: 'running' },
    { seq: 2, at, type: 'metric', series: 'final', step: 0, loss: 0.7 },
    { seq: 3, at, type: 'metric', series: 'final', step: 1, loss: 0.5, validationLoss: 0.6 },
    { seq: 2, at, type: 'metric', series: 'final', step: 0, loss: 0.7 },
    { seq: 3, at, type: 'state', state: 'succeeded' },
  ];
  const server = await startServer((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(events.map((event) => `id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`).join(''));
  });
  t.teardown(server.close);
  const points = [];
  for await (const point of server.client().jobs.metrics('job_1')) points.push(point);
  t.strictSame(points, [
    { series: 'final', step: 0, loss: 0.7, attempt: 1 },
    { series: 'final', step: 1, loss: 0.5, validationLoss: 0.6, attempt: 1 },
    { series: 'final', step: 0, loss: 0.7, attempt: 2 },
  ]);
});
