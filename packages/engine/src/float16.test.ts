import fc from 'fast-check';
import t from 'tap';
import { decodeFloat16, encodeFloat16 } from './float16.js';

const all = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
const values = decodeFloat16(all);

t.test('every half survives the way to a float and back', async (t) => {
  const back = encodeFloat16(values);
  const wrong = [...all].filter((bits) =>
    Number.isNaN(values[bits]) ? (back[bits] & 0x7fff) <= 0x7c00 : back[bits] !== bits,
  );
  t.same(wrong, []);
});

t.test('known patterns decode to their values', async (t) => {
  const known: [number, number][] = [
    [0x3c00, 1],
    [0xc000, -2],
    [0x7bff, 65_504],
    [0x0001, 2 ** -24],
    [0x0400, 2 ** -14],
    [0x3555, 0.333251953125],
    [0x7c00, Number.POSITIVE_INFINITY],
  ];
  for (const [bits, value] of known) t.equal(values[bits], value);
});

t.test('a float becomes the nearest half, ties to even', async (t) => {
  const finite = [...values].filter(Number.isFinite).sort((a, b) => a - b);
  const nearest = (x: number): number => {
    let low = 0;
    let high = finite.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (finite[middle] <= x) low = middle;
      else high = middle;
    }
    const [below, above] = [finite[low], finite[high]];
    if (x - below !== above - x) return x - below < above - x ? below : above;
    return (encodeFloat16([below])[0] & 1) === 0 ? below : above;
  };
  const inRange = fc.oneof(
    fc.float({ min: -65_504, max: 65_504, noNaN: true }),
    fc.float({ min: Math.fround(-1e-4), max: Math.fround(1e-4), noNaN: true }),
    // Midpoints of neighbours, where ties are.
    fc.nat(finite.length - 2).map((i) => (finite[i] + finite[i + 1]) / 2),
  );
  fc.assert(
    fc.property(inRange, (x) => decodeFloat16(encodeFloat16([x]))[0] === nearest(Math.fround(x))),
    { numRuns: 3_000 },
  );
  t.equal(encodeFloat16([65_519.99])[0], 0x7bff);
  t.equal(encodeFloat16([65_520])[0], 0x7c00, 'half a step beyond the largest half it is infinite');
});
