import t from 'tap';
import { softmaxRow } from './logistic.js';
import { createRandom } from './random.js';
import { fitTemperature } from './temperature.js';

/** Rows whose truth is drawn from softmax(logits / temperature). */
function drawn(rows: number, temperature: number) {
  const random = createRandom(11);
  const logits = Float64Array.from({ length: rows * 3 }, () => 4 * (random() - random()));
  const y = Int32Array.from({ length: rows }, (_, row) => {
    const p = logits.slice(row * 3, row * 3 + 3).map((z) => z / temperature);
    softmaxRow(p, 0, 3, 0);
    const at = random();
    return at < p[0] ? 0 : at < p[0] + p[1] ? 1 : 2;
  });
  return { held: { logits, y, classes: 3 }, rows: Array.from({ length: rows }, (_, row) => row) };
}

t.test('the temperature that answers were drawn at is found again', async (t) => {
  for (const temperature of [0.4, 1, 3]) {
    const { held, rows } = drawn(4_000, temperature);
    const found = fitTemperature(held, rows);
    t.ok(Math.abs(found / temperature - 1) < 0.1, `${found} of ${temperature}`);
  }
});

t.test('a few right answers do not read as certainty', async (t) => {
  const logits = Float64Array.of(3, 0, 0, 3, 3, 0, 0, 3);
  const few = fitTemperature({ logits, y: Int32Array.of(0, 1, 0, 1), classes: 2 }, [0, 1, 2, 3]);
  t.ok(few > 0.8 && few <= 1, `temperature ${few}`);
});
