import { checkKey, compareKeys, maxKeyBytes } from '@scion/store';
import fc from 'fast-check';
import t from 'tap';

await t.test('keys compare as their UTF-8 bytes do', async (t) => {
  const text = fc.string({ unit: 'binary', maxLength: 6 });
  const close = fc
    .array(fc.constantFrom('a', '\uff5e', '\ud7ff', '\ue000', '\u{10000}', '\u{1f600}', '/'))
    .map((a) => a.join(''));
  const property = fc.property(fc.oneof(text, close), fc.oneof(text, close), (a, b) => {
    return Math.sign(compareKeys(a, b)) === Buffer.compare(Buffer.from(a), Buffer.from(b));
  });
  fc.assert(property, { seed: 1, numRuns: 5_000 });
  t.pass();
});

await t.test('the longest key is allowed and the next longer one is not', async (t) => {
  t.doesNotThrow(() => checkKey('k'.repeat(maxKeyBytes)));
  t.throws(() => checkKey('k'.repeat(maxKeyBytes + 1)), TypeError);
});
