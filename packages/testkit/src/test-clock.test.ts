import { timestamp } from '@scion/contracts';
import { createTestClock } from '@scion/testkit';
import t from 'tap';

await t.test('the clock stands still until it is advanced, and never goes back', async (t) => {
  const clock = createTestClock();
  t.equal(timestamp(clock), '2026-01-01T00:00:00.000Z');
  t.equal(clock(), clock());
  clock.advance(1_500);
  t.equal(timestamp(clock), '2026-01-01T00:00:01.500Z');
  t.throws(() => clock.advance(-1), RangeError);
  t.throws(() => clock.advance(Number.NaN), RangeError);
});
