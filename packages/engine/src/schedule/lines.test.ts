import fc from 'fast-check';
import t from 'tap';
import { createLines, type Waiting } from './lines.js';

interface Item extends Waiting {
  id: number;
}
const item = (flow: string, id: number, tokens = 10, cost = tokens): Item => ({ flow, id, tokens, cost });

t.test('flows share by cost, not by rows: dear rows get fewer turns', async (t) => {
  const lines = createLines<Item>();
  for (let id = 0; id < 400; id += 1) {
    lines.push(item('cheap', id, 10, 1));
    lines.push(item('dear', id, 10, 4));
  }
  const served = { cheap: 0, dear: 0 };
  for (let round = 0; round < 100; round += 1)
    for (const { flow, cost } of lines.take(30)) served[flow as 'cheap' | 'dear'] += cost;
  t.ok(Math.abs(served.cheap - served.dear) <= 8, JSON.stringify(served));
});

t.test('a newcomer is served in the very next run, however long another’s line is', async (t) => {
  const lines = createLines<Item>();
  for (let id = 0; id < 10_000; id += 1) lines.push(item('crowd', id));
  for (let round = 0; round < 50; round += 1) lines.take(100);
  lines.push(item('newcomer', 0));
  t.ok(lines.take(100).some(({ flow }) => flow === 'newcomer'));
});

t.test('what a flow was charged too much it gets back, and no newcomer waits for it', async (t) => {
  const lines = createLines<Item>();
  const served: Record<string, number> = { loose: 0, plain: 0 };
  const serve = () => {
    const taken = lines.take(100);
    for (const { flow, cost } of taken) {
      const real = flow === 'loose' ? cost / 10 : cost;
      lines.correct(flow, real - cost);
      served[flow] = (served[flow] ?? 0) + real;
    }
    return taken;
  };
  for (let id = 0; id < 5_000; id += 1) for (const flow of ['loose', 'plain']) lines.push(item(flow, id));
  for (let round = 0; round < 200; round += 1) serve();
  t.ok(served.loose > 0.9 * served.plain && served.plain > 0.9 * served.loose, JSON.stringify(served));
  for (const id of [1, 2, 3]) {
    lines.push(item(`newcomer ${id}`, 0, 80));
    const next = [...serve(), ...serve(), ...serve()];
    t.ok(next.some(({ flow }) => flow === `newcomer ${id}`));
  }
});

t.test('a flow that was away has saved nothing up, and one that owes pays', async (t) => {
  const lines = createLines<Item>();
  for (let id = 0; id < 100; id += 1) lines.push(item('busy', id));
  for (let round = 0; round < 40; round += 1) lines.take(10);
  for (let id = 0; id < 100; id += 1) lines.push(item('late', id));
  // For a run of before.
  lines.correct('late', -100);
  const next = Array.from({ length: 20 }, () => lines.take(10)[0].flow);
  t.ok(next.filter((flow) => flow === 'busy').length >= 9, 'the one who was there goes on');
  lines.correct('late', 100);
  t.ok(Array.from({ length: 10 }, () => lines.take(10)[0].flow).every((flow) => flow === 'busy'));
});

t.test('rows of like length go together, whosever they are; the oldest of the due flow leads', async (t) => {
  const lines = createLines<Item>();
  lines.push(item('a', 1, 200));
  lines.push(item('a', 2, 10));
  lines.push(item('b', 3, 12));
  lines.push(item('b', 4, 190));
  t.strictSame(
    lines.take(512).map(({ id }) => id),
    [1, 4],
  );
  t.strictSame(
    lines.take(512).map(({ id }) => id),
    [3, 2],
  );
  t.equal(lines.rows(), 0);
});

t.test('rows that are computed once fill a run by their number alone', async (t) => {
  const lines = createLines<Item>();
  const same = {};
  for (let id = 0; id < 100; id += 1) lines.push({ ...item('a', id, 50), same });
  t.equal(lines.take(90).length, 41, '50 tokens, and one each for 40 more');
});

t.test('rows that are computed once cost a token each but for the first that waits', async (t) => {
  const lines = createLines<Item>();
  const same = {};
  for (let id = 0; id < 5; id += 1) lines.push({ ...item('a', id, 50, 100), same });
  t.equal(lines.cost(), 100 + 4 * 2);
  lines.take(500);
  t.equal(lines.cost(), 0);
  lines.push({ ...item('a', 5, 50, 100), same });
  t.equal(lines.cost(), 100);
});

t.test('ahead of a flow’s next rows is what waits of its own, and of others as much as theirs', async (t) => {
  const lines = createLines<Item>();
  for (let id = 0; id < 10; id += 1) lines.push(item('long', id));
  for (let id = 0; id < 2; id += 1) lines.push(item('short', id));
  t.equal(lines.ahead('new', 10), 20);
  t.equal(lines.ahead('new', 30), 50);
  t.equal(lines.ahead('short', 30), 20 + 50);
  t.equal(lines.ahead('long', 0), 100 + 20);
  lines.drop(({ flow }) => flow === 'long');
  t.equal(lines.ahead('new', 30), 20);
});

t.test(
  'in any order of calls every row is taken once or dropped, and no run exceeds its tokens',
  async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('push' as const),
        flow: fc.constantFrom('a', 'b', 'c'),
        tokens: fc.integer({ min: 1, max: 256 }),
        cost: fc.integer({ min: 0, max: 50 }),
      }),
      fc.record({ kind: fc.constant('take' as const), limit: fc.integer({ min: 1, max: 600 }) }),
      fc.record({ kind: fc.constant('drop' as const), every: fc.integer({ min: 1, max: 5 }) }),
      fc.record({
        kind: fc.constant('correct' as const),
        flow: fc.constantFrom('a', 'b', 'c'),
        cost: fc.integer({ min: -50, max: 50 }),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const lines = createLines<Item>();
        const waiting = new Map<number, Item>();
        let id = 0;
        const take = (limit: number) => {
          const taken = lines.take(limit);
          const longest = Math.max(...taken.map(({ tokens }) => tokens));
          if (taken.length > 1 && taken.length * longest > limit) throw new Error('too long a run');
          if (taken.length === 0 && waiting.size > 0) throw new Error('rows wait and none is taken');
          for (const { id: one } of taken) if (!waiting.delete(one)) throw new Error('taken twice');
        };
        for (const one of steps) {
          if (one.kind === 'push') {
            id += 1;
            const added = item(one.flow, id, one.tokens, one.cost);
            waiting.set(id, added);
            lines.push(added);
          } else if (one.kind === 'take') take(one.limit);
          else if (one.kind === 'correct') lines.correct(one.flow, one.cost);
          else {
            const gone = ({ id: its }: Item) => its % one.every === 0;
            for (const its of [...waiting.values()]) if (gone(its)) waiting.delete(its.id);
            lines.drop(gone);
          }
          const tokens = [...waiting.values()].reduce((sum, its) => sum + its.tokens, 0);
          if (lines.rows() !== waiting.size || lines.tokens() !== tokens) throw new Error('miscounted');
          if (lines.oldest()?.id !== [...waiting.keys()][0]) throw new Error('not the oldest');
        }
        while (waiting.size > 0) take(512);
        return lines.rows() === 0 && lines.flows() === 0;
      }),
      { numRuns: 500 },
    );
  },
);

t.test(
  'no flow starves: in any mix, one that waits is served within its fair share of the work',
  async () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 2, maxLength: 6 }),
        fc.integer({ min: 40, max: 200 }),
        (costs, limit) => {
          const lines = createLines<Item>();
          const served = costs.map(() => 0);
          const rounds = 200;
          for (const [flow, cost] of costs.entries())
            for (let id = 0; id < 6_000; id += 1) lines.push(item(String(flow), id, 10, cost));
          for (let round = 0; round < rounds; round += 1)
            for (const { flow, cost } of lines.take(limit)) served[Number(flow)] += cost;
          // Goyal's bound: two flows that both wait differ by no more than one row of each.
          const [most, least] = [Math.max(...served), Math.min(...served)];
          return most - least <= 2 * Math.max(...costs);
        },
      ),
      { numRuns: 20 },
    );
  },
);
