import t from 'tap';
import { createCurveBook, drawCurves } from './index.js';

t.test('the last fit is the training curve once it has begun; folds give the validation curve', async (t) => {
  const book = createCurveBook();
  t.strictSame(book.curves(), []);
  book.add({ series: 'fold 1 of 2', step: 0, loss: 1, validationLoss: 2 });
  book.add({ series: 'fold 2 of 2', step: 0, loss: 3, validationLoss: 4 });
  t.strictSame(book.curves(), [
    { name: 'training', points: [[0, 2]] },
    { name: 'validation', points: [[0, 3]] },
  ]);
  book.add({ series: 'final', step: 1, loss: 0.5 });
  book.add({ series: 'final', step: 0, loss: 0.7 });
  t.strictSame(book.curves()[0]?.points, [
    [0, 0.7],
    [1, 0.5],
  ]);
  book.add({ series: 'held out', step: 1, validationLoss: 7 });
  t.strictSame(book.curves()[1]?.points.at(-1), [1, 7], 'a point may be of the validation curve alone');
  book.add({ series: 'fold 1 of 2', step: 0, loss: 9, attempt: 2 });
  t.strictSame(book.curves(), [{ name: 'training', points: [[0, 9]] }], 'another attempt begins anew');
});

t.test('a picture keeps to its size, shows its bounds, and falls where the values fall', async (t) => {
  const points = Array.from({ length: 50 }, (_, step): [number, number] => [step, Math.exp(-step / 10)]);
  const lines = drawCurves([{ name: 'training', points }], { width: 40, height: 10 });
  t.equal(lines.length, 10);
  for (const line of lines) t.ok(line.length <= 40, line);
  t.match(lines[0], /^ *1\.00 │[⠀-⣿]/);
  t.match(lines[6], /^0\.00\d+ │ +.*[⠀-⣿]$/);
  t.match(lines.at(-1), /training 0\.00/);
});

t.test('one point, and a flat line, are drawn too; nothing is nothing', async (t) => {
  t.strictSame(drawCurves([]), []);
  t.ok(drawCurves([{ name: 'a', points: [[3, 0.5]] }]).some((line) => /[⠁-⣿]/.test(line)));
  const flat: [number, number][] = [
    [0, 1],
    [9, 1],
  ];
  t.ok(drawCurves([{ name: 'a', points: flat }], { width: 1, height: 1 }).length >= 6);
});
