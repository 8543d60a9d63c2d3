import assert from 'node:assert/strict';
import { isDeepStrictEqual as deepEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { loadSource } from './load-source.mjs';

const format = await loadSource('format');
const { parseRoute, formatRoute, servicePages, tenantPages, tenantTabs } = await loadSource('route');
const { assembleCurves, meanOfFolds, overlay, valueAt } = await loadSource('data/curves');
const { smooth } = await loadSource('data/smooth');
const { answersOf } = await loadSource('data/answers');
const { mergePage, appendPage, startOf } = await loadSource('data/merge-rows');
const { perMinute } = await loadSource('pages/overview/series');
const { rowWindow } = await loadSource('data/row-window');
const { assignSlots } = await loadSource('data/row-slots');

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
  const page = fc.oneof(
    fc.constantFrom(...servicePages, ...tenantPages).map((page) => ({ page })),
    name.map((job) => ({ page: 'jobs', job })),
    fc.tuple(task, name).map(([task, user]) => ({ page: 'models', model: { task, user } })),
    fc.constantFrom(...tenantTabs).map((tab) => ({ page: 'tenant', tab })),
  );
  const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 });
  const query = fc
    .dictionary(word, fc.array(word, { minLength: 1, maxLength: 2 }), {
      minKeys: 1,
      maxKeys: 2,
      noNullPrototype: true,
    })
    .map((query) => ({ query }));
  const route = fc
    .tuple(page, fc.constantFrom({}, { tenant: 'ten_01' }), fc.oneof(fc.constant({}), query))
    .map((parts) => Object.assign({}, ...parts));
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

t.test('the mean of folds goes on with the last value of a fold that stopped early', async (t) => {
  const curve = (name, training) => ({ name, training, validation: training.map(() => null) });
  const { curves } = meanOfFolds({
    steps: [1, 2, 3],
    curves: [
      curve('fold 1 of 2', [4, 2, null]),
      curve('fold 2 of 2', [2, 1, 0]),
      curve('final', [3, null, null]),
    ],
  });
  t.strictSame(
    curves.map(({ name, training }) => [name, training]),
    [
      ['mean of folds', [3, 1.5, 1]],
      ['final', [3, null, null]],
    ],
  );
});

t.test('runs laid over each other share one axis, each with gaps where it told nothing', async (t) => {
  const run = (steps) => ({ steps, curves: [{ name: 'final', training: steps, validation: steps }] });
  const { steps, curves } = overlay([
    { name: 'this run', curves: run([1, 3]) },
    { name: '…abc', curves: run([2]) },
  ]);
  t.strictSame(steps, [1, 2, 3]);
  t.strictSame(
    curves.map(({ name, training }) => [name, training]),
    [
      ['this run, final', [1, null, 3]],
      ['…abc, final', [null, 2, null]],
    ],
  );
});

t.test('an answer tells what an earlier version said of the same text, and of no other', async (t) => {
  const said = (user, version, label) => ({ user, version, source: 'model', predictions: [{ label }] });
  const untrained = { user: 'grace', problem: { code: 'model_not_trained', detail: 'None is live.' } };
  const response = (...results) => ({ results, baseSha256: '' });
  const before = ({ byUser }, user) => byUser.get(user).before;
  const first = answersOf(undefined, 'rain', response(said('ada', 1, 'keep'), untrained));
  t.equal(before(first, 'ada'), undefined);
  t.strictSame(first.byUser.get('grace').answer, untrained);
  const learnt = answersOf(first, 'rain', response(said('ada', 2, 'skip'), said('grace', 1, 'keep')));
  t.strictSame(before(learnt, 'ada'), { prediction: { label: 'keep' }, version: 1 });
  t.equal(before(learnt, 'grace'), undefined, 'who could not answer said nothing before');
  const again = answersOf(learnt, 'rain', response(said('ada', 2, 'skip')));
  t.strictSame(
    before(again, 'ada'),
    { prediction: { label: 'keep' }, version: 1 },
    'to ask again forgets nothing',
  );
  t.equal(before(answersOf(again, 'snow', response(said('ada', 3, 'keep'))), 'ada'), undefined);
});

t.test('the rate of a bucket that is still open is that of the part of it that has passed', async (t) => {
  const at = ['2026-11-23T20:00:00.000Z', '2026-11-23T20:15:00.000Z'];
  const overview = { at, to: '2026-11-23T20:30:00.000Z', stepSeconds: 900 };
  const now = Date.parse('2026-11-23T20:18:00.000Z');
  t.strictSame(perMinute(overview, [30, 6], now), [2, 2]);
  t.strictSame(perMinute(overview, [30, 30], now + 86_400_000), [2, 2], 'none is open in a range long past');
  t.strictSame(
    perMinute({ at: at.slice(1), to: '2026-11-23T20:16:00.000Z', stepSeconds: 60 }, [1], now - 178_000),
    [1],
    'one job in two seconds is no rush',
  );
});

t.test('smoothing stays between the values, keeps a constant, and leaves gaps', async (t) => {
  const value = fc.oneof(fc.double({ min: 0, max: 10, noNaN: true }), fc.constant(null));
  fc.assert(
    fc.property(
      fc.array(value, { maxLength: 30 }),
      fc.double({ min: 0, max: 0.95, noNaN: true }),
      (values, weight) => {
        const known = values.filter((one) => one !== null);
        const smoothed = smooth(values, weight);
        return smoothed.every((one, at) =>
          one === null
            ? values[at] === null
            : one >= Math.min(...known) - 1e-9 && one <= Math.max(...known) + 1e-9,
        );
      },
    ),
  );
  t.strictSame(smooth([1, null, 2], 0), [1, null, 2]);
  t.equal(smooth([5, 5, 5], 0.9)[2], 5);
});

t.test('of a list of any length what is in sight is in the document, and never much more', async () => {
  const input = fc.record({
    topPx: fc.integer({ min: -1_000_000, max: 2_000 }),
    viewPx: fc.integer({ min: 200, max: 3_000 }),
    rowPx: fc.constant(48),
    count: fc.nat({ max: 10_000 }),
  });
  fc.assert(
    fc.property(input, (value) => {
      const { from, to } = rowWindow(value);
      const inSight = Array.from({ length: value.count }, (_, row) => row).filter((row) => {
        const top = value.topPx + row * value.rowPx;
        return top < value.viewPx && top + value.rowPx > 0;
      });
      return (
        from >= 0 &&
        to <= value.count &&
        to - from <= value.viewPx / value.rowPx + 18 &&
        inSight.every((row) => row >= from && row < to)
      );
    }),
  );
});

t.test(
  'of a list that is read page by page none between two shown rows is missing, however it changes',
  async () => {
    const step = fc.oneof(
      fc.record({ does: fc.constant('come'), count: fc.integer({ min: 1, max: 8 }) }),
      fc.record({ does: fc.constant('leave'), at: fc.nat(30) }),
      fc.record({ does: fc.constantFrom('poll', 'more'), look: fc.nat(30) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const list = pagedList();
        for (const { does, ...how } of steps) {
          list[does](how);
          assert.deepEqual(list.shown(), list.between(), 'no hole, and nothing twice');
        }
        // At rest, whatever is looked at for a while is current, and reading on leads to the end.
        list.settle();
        for (let look = 0; look < list.shown().length; look += 1) {
          for (let turn = 0; turn < 12; turn += 1) list.poll({ look });
          assert.ok(list.isThere(list.shown()[look]), 'what is in view is what there is');
        }
        for (let turn = 0; turn < 200 && list.hasMore(); turn += 1) list.more();
        assert.deepEqual(list.shown(), list.all());
      }),
      { numRuns: 300 },
    );
  },
);

/** A list of three rows a page, newest first, and who reads it; each request is answered a step before its answer comes. */
function pagedList() {
  const idOf = (row) => row.id;
  let made = 0;
  let all = [];
  let known = { rows: undefined, next: null, starts: [] };
  let polled;
  let isFirstDue = true;
  let moreRead;
  const read = (cursor) => {
    const rest = all.filter((id) => cursor === undefined || id < Number(cursor));
    const data = rest.slice(0, 3).map((id) => ({ id }));
    return { data, nextCursor: rest.length > 3 ? String(data[2].id) : null };
  };
  const list = {
    come({ count }) {
      for (let one = 0; one < count; one += 1) {
        made += 1;
        all.unshift(made);
      }
    },
    leave({ at }) {
      all = all.filter((_, index) => index !== at);
    },
    poll({ look }) {
      if (polled) {
        known = mergePage(known, polled.start, polled.page, idOf);
        polled = undefined;
        return;
      }
      const start = isFirstDue ? undefined : startOf(known, look, idOf);
      isFirstDue = !isFirstDue;
      polled = { start, page: read(start?.cursor) };
    },
    more() {
      if (moreRead) known = appendPage(known, moreRead.cursor, moreRead, idOf);
      if (moreRead || known.next === null) moreRead = undefined;
      else moreRead = { cursor: known.next, page: read(known.next) };
    },
    settle() {
      if (polled) list.poll({});
      if (moreRead) list.more();
      for (let turn = 0; turn < 4; turn += 1) list.poll({ look: 0 });
    },
    hasMore: () => known.next !== null || moreRead !== undefined,
    shown: () => (known.rows ?? []).map(idOf),
    /** What must be shown: all that was shown or is there, from the first shown row to the last. */
    between() {
      const shown = list.shown();
      const ids = new Set([...shown, ...all.filter((id) => id <= shown[0] && id >= shown.at(-1))]);
      return [...ids].sort((a, b) => b - a);
    },
    isThere: (id) => all.includes(id),
    all: () => all,
  };
  return list;
}

t.test('a row keeps its slot while it is shown; one that comes takes over one that is free', async (t) => {
  const numbers = fc.uniqueArray(fc.integer({ min: 0, max: 30 }).map(String), { maxLength: 20 });
  fc.assert(
    fc.property(fc.array(fc.tuple(numbers, fc.boolean()), { maxLength: 12 }), (steps) => {
      let before = new Map();
      for (const [ids, reuse] of steps) {
        const after = assignSlots(before, ids, reuse);
        if (new Set(after.values()).size !== ids.length) return false;
        if (ids.some((id) => before.has(id) && before.get(id) !== after.get(id))) return false;
        const taken = [...after].filter(
          ([id, slot]) => !before.has(id) && [...before.values()].includes(slot),
        );
        if (!reuse && taken.length > 0) return false;
        before = after;
      }
      return true;
    }),
  );
  const first = assignSlots(new Map(), ['a', 'b', 'c'], true);
  t.same(
    [...assignSlots(first, ['x', 'y', 'z'], true).values()],
    [0, 1, 2],
    'after a jump all stay where they are',
  );
  t.same([...assignSlots(first, ['b', 'c', 'd'], true).values()], [1, 2, 0]);
  t.same([...assignSlots(first, ['b', 'c', 'd'], false).values()], [1, 2, 3], 'the focus is nobody else’s');
});
