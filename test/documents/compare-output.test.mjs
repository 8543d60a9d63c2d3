import t from 'tap';
import { shows } from './compare-output.mjs';
import { readBlocks } from './read-blocks.mjs';

t.test('numbers, ids, hashes and moments may differ, words may not', async (t) => {
  const printed = 'job_01m8f4jg5vtm9ps4bg2rztbyxf at 2026-11-27T18:36:38.528Z took 3.25 s, accuracy   97 %\n';
  t.ok(
    shows(
      'job_01kaqx8v4n6q0d3w5y7z9b1c3e at 2026-01-01T00:00:00.000Z took 1 s, accuracy 100 %',
      printed,
      'text',
    ),
  );
  t.notOk(
    shows(
      'job_01kaqx8v4n6q0d3w5y7z9b1c3e at 2026-01-01T00:00:00.000Z took 1 s, error 100 %',
      printed,
      'text',
    ),
  );
});

t.test('`…` stands for the rest of a line, or for lines; nothing else may be left out', async (t) => {
  t.ok(shows('first …\n…\nlast', 'first and more\nsecond\nthird\nlast\n', 'text'));
  t.notOk(shows('first and more\nlast', 'first and more\nsecond\nlast\n', 'text'));
  t.notOk(shows('first', 'first\nsecond\n', 'text'));
});

t.test('JSON may be broken into lines, but says the same', async (t) => {
  const printed =
    '{"label":"urgent","probability":0.0072994777001440525,"sha":"8c108f31f2f9b5f57887797909f02216"}';
  t.ok(
    shows(
      '{"label": "urgent",\n  "probability": 0.9, "sha": "1c00e71d07b80a69968e3e3f0ea5a396"}',
      printed,
      'json',
    ),
  );
  t.notOk(
    shows(
      '{"label": "later", "probability": 0.9, "sha": "1c00e71d07b80a69968e3e3f0ea5a396"}',
      printed,
      'json',
    ),
  );
});

t.test('blocks are found with kind, name and line; one that never ends is an error', async (t) => {
  t.same(readBlocks('a\n```sh\nx\n```\n\n- b\n  ```js c.mjs\n  y\n\n    z\n  ```\n'), [
    { kind: 'sh', name: undefined, line: 2, text: 'x\n' },
    { kind: 'js', name: 'c.mjs', line: 7, text: 'y\n\n  z\n' },
  ]);
  t.throws(() => readBlocks('```sh\nx\n'), /line 1 never ends/);
});
