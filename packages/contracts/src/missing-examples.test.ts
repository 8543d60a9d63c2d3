import t from 'tap';
import { missingExamples } from './index.js';

/** As many examples of each label as given. */
const counts = (given: Record<string, number>) =>
  Object.entries(given).flatMap(([label, count]) => Array<string>(count).fill(label));
const kind = 'classification' as const;

t.test('an open task needs two labels', async (t) => {
  const task = { kind, labels: null, minExamplesPerLabel: 2 };
  t.same(missingExamples(task, counts({})), { missing: {}, missingLabels: 2, missingExamples: 0 });
  t.same(missingExamples(task, counts({ like: 9 })), { missing: {}, missingLabels: 1, missingExamples: 0 });
  t.equal(missingExamples(task, counts({ like: 9, hide: 2 })), undefined);
});

t.test('each label needs its own examples', async (t) => {
  const task = { kind, labels: null, minExamplesPerLabel: 5 };
  t.same(missingExamples(task, counts({ like: 9, hide: 2, mute: 1 })), {
    missing: { hide: 3, mute: 4 },
    missingLabels: 0,
    missingExamples: 0,
  });
});

t.test('a closed label set needs examples of every label in it', async (t) => {
  const task = { kind, labels: ['like', 'hide'], minExamplesPerLabel: 2 };
  t.same(missingExamples(task, counts({ like: 1 })), {
    missing: { like: 1, hide: 2 },
    missingLabels: 0,
    missingExamples: 0,
  });
});

t.test('a label may bear any name', async (t) => {
  const task = { kind, labels: null, minExamplesPerLabel: 3 };
  const found = missingExamples(task, ['__proto__']);
  t.same(Object.entries(found?.missing ?? {}), [['__proto__', 2]]);
});

t.test('several labels or a value a row: enough examples in all, and any label', async (t) => {
  const several = { kind: 'multilabel' as const, labels: ['a', 'b'], minExamplesPerLabel: 2 };
  t.same(missingExamples(several, [[], [], []]), { missing: {}, missingLabels: 1, missingExamples: 1 });
  t.equal(missingExamples(several, [[], ['a'], ['a', 'b'], []]), undefined);
  const value = { kind: 'regression' as const, labels: null, minExamplesPerLabel: 2 };
  t.same(missingExamples(value, [1, 2]), { missing: {}, missingLabels: 0, missingExamples: 2 });
  t.equal(missingExamples(value, [1, 2, 2, 5]), undefined);
});
