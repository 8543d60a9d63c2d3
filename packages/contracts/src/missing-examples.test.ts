import t from 'tap';
import { missingExamples } from './index.js';

const counts = (given: Record<string, number>) => new Map(Object.entries(given));

t.test('an open task needs two labels', async (t) => {
  const task = { labels: null, minExamplesPerLabel: 2 };
  t.same(missingExamples(task, counts({})), { missing: {}, missingLabels: 2 });
  t.same(missingExamples(task, counts({ like: 9 })), { missing: {}, missingLabels: 1 });
  t.equal(missingExamples(task, counts({ like: 9, hide: 2 })), undefined);
});

t.test('each label needs its own examples', async (t) => {
  const task = { labels: null, minExamplesPerLabel: 5 };
  t.same(missingExamples(task, counts({ like: 9, hide: 2, mute: 1 })), {
    missing: { hide: 3, mute: 4 },
    missingLabels: 0,
  });
});

t.test('a closed label set needs examples of every label in it', async (t) => {
  const task = { labels: ['like', 'hide'], minExamplesPerLabel: 2 };
  t.same(missingExamples(task, counts({ like: 1 })), { missing: { like: 1, hide: 2 }, missingLabels: 0 });
});

t.test('a label may bear any name', async (t) => {
  const task = { labels: null, minExamplesPerLabel: 3 };
  const found = missingExamples(task, new Map([['__proto__', 1]]));
  t.same(Object.entries(found?.missing ?? {}), [['__proto__', 2]]);
});
