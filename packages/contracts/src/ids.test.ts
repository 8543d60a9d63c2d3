import fc from 'fast-check';
import t from 'tap';
import { createIds, type IdKind, idOfTime, idPattern, idPrefixes, timeOfId } from './index.js';

const kinds = Object.keys(idPrefixes) as IdKind[];
/** ULIDs hold 48 bits of milliseconds. */
const moment = fc.integer({ min: 1, max: 2 ** 48 - 1 });

t.test('every id matches the pattern of its own kind and of no other', async (t) => {
  fc.assert(
    fc.property(moment, fc.constantFrom(...kinds), (now, kind) => {
      const id = createIds(() => now)(kind);
      return kinds.every((other) => new RegExp(idPattern(other)).test(id) === (other === kind));
    }),
  );
  t.pass('for any moment and kind');
});

t.test('ids of one kind sort by the moment they were made', async (t) => {
  fc.assert(
    fc.property(moment, moment, fc.constantFrom(...kinds), (a, b, kind) => {
      fc.pre(a < b);
      return createIds(() => a)(kind) < createIds(() => b)(kind);
    }),
  );
  t.pass('for any two moments');
});

t.test('ids hold nothing that BullMQ or an object key refuses', async (t) => {
  for (const kind of kinds) t.match(createIds(() => 0)(kind), /^[a-z]{3}_[0-9a-z]{26}$/);
});

t.test('prefixes are distinct', async (t) => {
  t.equal(new Set(Object.values(idPrefixes)).size, kinds.length);
});

t.test('an id tells when it was made', async (t) => {
  // The generator takes 0 for no time.
  const later = moment.filter((now) => now > 0);
  fc.assert(
    fc.property(
      later,
      fc.constantFrom(...kinds),
      (now, kind) => timeOfId(createIds(() => now)(kind)) === now,
    ),
  );
  t.pass('for any moment and kind');
});

t.test('the least id of a moment divides the ids made before it from those made since', async (t) => {
  fc.assert(
    fc.property(moment, moment, fc.constantFrom(...kinds), (made, at, kind) => {
      fc.pre(made > 0);
      return createIds(() => made)(kind) >= idOfTime(kind, at) === made >= at;
    }),
  );
  t.pass('for any two moments');
});
