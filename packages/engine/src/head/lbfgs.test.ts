import fc from 'fast-check';
import t from 'tap';
import { minimize } from './lbfgs.js';

t.test('Rosenbrock’s valley is followed to its end', async (t) => {
  const start = Float64Array.of(-1.2, 1, -1.2, 1);
  const { x, converged, iterations } = await minimize(
    (x, gradient) => {
      let value = 0;
      for (let i = 0; i < x.length; i += 2) {
        const a = 1 - x[i];
        const b = x[i + 1] - x[i] * x[i];
        value += a * a + 100 * b * b;
        gradient[i] = -2 * a - 400 * x[i] * b;
        gradient[i + 1] = 200 * b;
      }
      return value;
    },
    start,
    { maxIterations: 200, gradientTolerance: 1e-9 },
  );
  t.ok(converged);
  t.ok(iterations < 100, `${iterations} iterations`);
  for (const value of x) t.ok(Math.abs(value - 1) < 1e-8);
  t.strictSame([...start], [-1.2, 1, -1.2, 1], 'the start is left alone');
});

t.test('every iteration goes down, on any quadratic however stretched', async () => {
  const curvatures = fc.array(fc.double({ min: 1e-2, max: 1e2, noNaN: true }), {
    minLength: 1,
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(curvatures, async (curvatures) => {
      let last = Number.POSITIVE_INFINITY;
      let down = true;
      const { x, value } = await minimize(
        (x, gradient) => {
          let sum = 0;
          for (const [i, c] of curvatures.entries()) {
            gradient[i] = c * (x[i] - i);
            sum += (c / 2) * (x[i] - i) ** 2;
          }
          return sum;
        },
        new Float64Array(curvatures.length).fill(5),
        {
          maxIterations: 2_000,
          gradientTolerance: 1e-8,
          onIteration(_, value) {
            down &&= value <= last;
            last = value;
          },
        },
      );
      return down && value < 1e-9 && x.every((at, i) => Math.abs(at - i) < 1e-3);
    }),
  );
});

t.test(
  'a gradient spread thinly over many parameters, as many labels have it, is not taken for a small one',
  async (t) => {
    const { value, iterations } = await minimize(
      (x, gradient) => {
        gradient.set(x);
        return x.reduce((sum, at) => sum + (at * at) / 2, 0);
      },
      new Float64Array(10_000).fill(1e-3),
      { maxIterations: 10, gradientTolerance: 1e-2 },
    );
    t.ok(iterations > 0 && value <= 1e-4 / 2, `${value} after ${iterations} iterations`);
  },
);

t.test('the caller stops it from within', async (t) => {
  await t.rejects(
    minimize(
      (x, gradient) => {
        gradient[0] = 2 * x[0];
        return x[0] * x[0];
      },
      Float64Array.of(3),
      {
        maxIterations: 10,
        gradientTolerance: 0,
        onIteration: () => {
          throw new Error('stop');
        },
      },
    ),
    { message: 'stop' },
  );
});
