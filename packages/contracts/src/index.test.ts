import t from 'tap';
import { Compile } from 'typebox/compile';
import * as contracts from './index.js';

t.test('every public symbol can be imported from the package root', async (t) => {
  const missing = Object.entries(contracts).filter(([, value]) => value === undefined);
  t.same(missing, []);
});

t.test('every schema compiles', async (t) => {
  for (const [name, value] of Object.entries(contracts)) {
    if (typeof value !== 'object' || !('type' in value || 'enum' in value || 'anyOf' in value)) continue;
    t.doesNotThrow(() => Compile(value), name);
  }
});

t.test('a map by label accepts a label with a line break', async (t) => {
  const { probabilities } = contracts.Prediction.properties;
  t.ok(Compile(probabilities).Check({ 'a\nb': 0.5 }));
  t.notOk(Compile(probabilities).Check({ a: 'half' }));
});

t.test('an object refuses members that it does not know', async (t) => {
  t.notOk(Compile(contracts.JobCreate).Check({ task: 'inbox', user: 'ada', when: 'now' }));
  t.ok(Compile(contracts.JobCreate).Check({ task: 'inbox', user: 'ada' }));
});

t.test('a task name is safe in a path, an object key and a Redis key', async (t) => {
  const check = Compile(contracts.TaskName);
  for (const name of ['a', 'inbox-triage', '0', 'a'.repeat(63)]) t.ok(check.Check(name), name);
  for (const name of ['', 'A', '-a', 'a/b', 'a:b', 'a.b', '..', 'a'.repeat(64), 'a\n'])
    t.notOk(check.Check(name), JSON.stringify(name));
});

t.test('timestamps are RFC 3339 in UTC with milliseconds', async (t) => {
  t.equal(
    contracts.timestamp(() => 0),
    '1970-01-01T00:00:00.000Z',
  );
  t.ok(Compile(contracts.Timestamp).Check(contracts.timestamp(() => Date.now())));
});
