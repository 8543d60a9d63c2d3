import fc from 'fast-check';
import t from 'tap';
import { addTo, bucketOf, type Histogram, quantile } from './histogram.js';

t.test('a quantile is within 9 % of the exact one, whatever the values', async (t) => {
  const values = fc.array(fc.double({ min: 0.1, max: 1e7, noNaN: true }), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (sample, q) => {
      const histogram: Histogram = new Map();
      for (const value of sample) addTo(histogram, bucketOf(value), 1);
      const exact = [...sample].sort((a, b) => a - b)[Math.max(1, Math.ceil(q * sample.length)) - 1]!;
      const ratio = quantile(histogram, q)! / exact;
      if (ratio < 0.91 || ratio > 1.1) throw new Error(`${ratio}`);
    }),
  );
  t.pass('over random samples');
});

t.test('nothing has no quantile, and what no bucket holds counts as the nearest', async (t) => {
  t.equal(quantile(new Map(), 0.5), null);
  t.equal(bucketOf(0), bucketOf(1e-9));
  t.equal(bucketOf(Number.POSITIVE_INFINITY), bucketOf(1e12));
});
