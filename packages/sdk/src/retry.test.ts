import fc from 'fast-check';
import t from 'tap';
import { parseRetryAfter, retryDelayMs } from './retry.js';

t.test('Retry-After is seconds or a date, never negative, and undefined when unreadable', async (t) => {
  const now = Date.parse('2026-11-23T20:00:00Z');
  t.equal(parseRetryAfter(null, now), undefined);
  t.equal(parseRetryAfter('', now), undefined);
  t.equal(parseRetryAfter('soon', now), undefined);
  t.equal(parseRetryAfter(' 12 ', now), 12);
  t.equal(parseRetryAfter('Mon, 23 Nov 2026 20:01:00 GMT', now), 60);
  t.equal(parseRetryAfter('Mon, 23 Nov 2026 19:00:00 GMT', now), 0);
});

t.test('a wait is never shorter than asked, never longer than asked plus the longest backoff', async () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 50 }),
      fc.option(fc.nat({ max: 3600 }), { nil: undefined }),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      (retry, asked, random) => {
        const wait = retryDelayMs(retry, asked, random);
        const least = (asked ?? 0) * 1000;
        return wait >= least && wait > 0 && wait <= least + 8_000;
      },
    ),
  );
});
