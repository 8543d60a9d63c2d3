import { isDeepStrictEqual as deepEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { loadSource } from './load-source.mjs';

const format = await loadSource('format');
const { parseRoute, formatRoute, sections } = await loadSource('route');
const { assembleCurves, valueAt } = await loadSource('curves');

t.test('sizes, shares, losses and spans carry their unit and no more digits than they deserve', async (t) => {
  t.strictSame([0, 999, 1_000, 7_556, 99_949, 99_951, 999_600, 67_108_864, 3.2e12].map(format.bytes), [
    '0 B',
    '999 B',
    '1.00 kB',
    '7.56 kB',
    '99.9 kB',
    '100 kB',
    '1.00 MB',
    '67.1 MB',
    '3.20 TB',
  ]);
  t.strictSame([0, 0.0004, 0.5, 0.9375, 0.9996, 1].map(format.percent), [
    '0 %',
    '< 0.1 %',
    '50.0 %',
    '93.8 %',
    '> 99.9 %',
    '100 %',
  ]);
  t.strictSame([0, 0.6934, 0.00658, 0.00012, 12.345].map(format.loss), [
    '0.00',
    '0.693',
    '0.00658',
    '1.20e-4',
    '12.3',
  ]);
  t.strictSame([-5, 340, 1_000, 59_940, 59_960, 185_000, 7.8e6, 2.736e8].map(format.duration), [
    '0 ms',
    '340 ms',
    '1.0 s',
    '59.9 s',
    '1 min 00 s',
    '3 min 05 s',
    '2 h 10 min',
    '3 d 4 h',
  ]);
  t.equal(format.plural(1, 'job'), '1 job');
  t.equal(format.plural(1_200, 'job'), '1,200 jobs');
});

t.test('an age is one unit, and a clock that is behind shows no future', async (t) => {
  const now = Date.parse('2026-11-23T20:00:00.000Z');
  const before = (seconds) => format.ago(new Date(now - seconds * 1000).toISOString(), now);
  t.strictSame([-30, 0, 4, 5, 59, 60, 3_599, 3_600, 47 * 3_600, 48 * 3_600].map(before), [
    'just now',
    'just now',
    'just now',
    '5 s ago',
    '59 s ago',
    '1 min ago',
    '59 min ago',
    '1 h ago',
    '47 h ago',
    '2 d ago',
  ]);
});

t.test('an address leads back to what it was made from, whatever a user is called', async () => {
  const name = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 40 })
    .filter((text) => text.isWellFormed());
  const task = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,20}$/);
  const users = fc.array(name, { maxLength: 3 });
  const section = fc.oneof(
    fc.constantFrom(...sections).map((section) => ({ section })),
    name.map((job) => ({ section: 'jobs', job })),
    fc.tuple(task, name).map(([task, user]) => ({ section: 'models', model: { task, user } })),
    fc.tuple(task, users).map(([task, users]) => ({ section: 'playground', play: { task, users } })),
  );
  const route = fc
    .tuple(fc.constantFrom({}, { tenant: 'ten_01' }), section)
    .map(([tenant, section]) => ({ ...tenant, ...section }));
  fc.assert(fc.property(route, (value) => deepEqual(parseRoute(formatRoute(value)), value)));
});

t.test('an address that means nothing is no error', async () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => typeof parseRoute(`#${text}`) === 'object'));
});

t.test(
  'curves share their steps, and a step told again by a resumed run counts once, as last told',
  async (t) => {
    const at = '2026-11-23T20:00:00.000Z';
    const metric = (series, step, loss, validationLoss) => ({
      type: 'metric',
      at,
      series,
      step,
      loss,
      validationLoss,
    });
    const { steps, curves } = assembleCurves([
      { type: 'state', at, state: 'running' },
      metric('fold 1 of 2', 1, 0.7, 0.8),
      metric('fold 1 of 2', 3, 0.5),
      metric('final', 2, 0.6),
      { type: 'state', at, state: 'running' },
      metric('fold 1 of 2', 1, 0.71, 0.81),
    ]);
    t.strictSame(steps, [1, 2, 3]);
    t.strictSame(curves, [
      { name: 'fold 1 of 2', training: [0.71, null, 0.5], validation: [0.81, null, null] },
      { name: 'final', training: [null, 0.6, null], validation: [null, null, null] },
    ]);
    t.equal(valueAt(curves[0].training, 1), 0.71, 'between two told steps the one before holds');
    t.equal(valueAt(curves[1].training, 0), null);
    t.strictSame(assembleCurves([]), { steps: [], curves: [] });
  },
);
