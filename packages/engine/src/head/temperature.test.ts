import t from 'tap';
import { softmax } from '../softmax.js';
import { createRandom } from './random.js';
import type { Targets } from './targets.js';
import { fitTemperature } from './temperature.js';

/** Rows whose truth is drawn from softmax(logits / temperature). */
function drawn(rows: number, temperature: number) {
  const random = createRandom(11);
  const scores = Float64Array.from({ length: rows * 3 }, () => 4 * (random() - random()));
  const values = new Float32Array(rows * 3);
  for (let row = 0; row < rows; row += 1) {
    const p = Float32Array.from(scores.subarray(row * 3, row * 3 + 3), (z) => z / temperature);
    softmax(p);
    const at = random();
    values[row * 3 + (at < p[0] ? 0 : at < p[0] + p[1] ? 1 : 2)] = 1;
  }
  const targets: Targets = { kind: 'classification', outputs: 3, values };
  return { held: { scores, targets }, rows: Array.from({ length: rows }, (_, row) => row) };
}

t.test('the temperature that answers were drawn at is found again', async (t) => {
  for (const temperature of [0.4, 1, 3]) {
    const { held, rows } = drawn(4_000, temperature);
    const found = fitTemperature(held, rows);
    t.ok(Math.abs(found / temperature - 1) < 0.1, `${found} of ${temperature}`);
  }
});

t.test('right answers without a mistake do not read as certainty, the less the fewer they are', async (t) => {
  for (const rows of [40, 400]) {
    const values = Float32Array.from({ length: rows * 2 }, (_, at) =>
      at % 2 === Math.floor(at / 2) % 2 ? 1 : 0,
    );
    // Far apart, so that any certainty could be had.
    const scores = Float64Array.from(values, (value) => 20 * value);
    const targets: Targets = { kind: 'classification', outputs: 2, values };
    const temperature = fitTemperature({ scores, targets }, [...Array(rows).keys()]);
    const sure = 1 / (1 + Math.exp(-20 / temperature));
    const most = 1 - 0.5 / (rows + 2);
    t.ok(sure < most + 0.5 / rows, `${rows} right: ${sure} sure, by the rule of succession ${most}`);
    t.ok(sure > most - 0.5 / rows);
  }
});
