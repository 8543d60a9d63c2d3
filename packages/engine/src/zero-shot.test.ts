import t from 'tap';
import { createZeroShot } from './zero-shot.js';

t.test('an answer does not hang on what other tenants ask meanwhile', async (t) => {
  const open: (() => void)[] = [];
  let held = false;
  // Of unit length: a text's first letter chooses its direction.
  const embed = async (texts: string[]) => {
    if (held) await new Promise<void>((resolve) => open.push(resolve));
    return Float32Array.from(texts.flatMap((text) => (text.startsWith('c') ? [0, 1] : [1, 0])));
  };
  const zeroShot = createZeroShot({ embed, hiddenSize: 2 });
  await zeroShot(['apple'], ['a text'], { tenantId: 'ten_a' });
  held = true;
  const asked = zeroShot(['apple', 'cat'], ['c'], { tenantId: 'ten_a' });
  held = false;
  const names = Array.from({ length: 5_000 }, (_, label) => `label ${label}`);
  await zeroShot(names, ['a text'], { tenantId: 'ten_b' });
  for (const resolve of open) resolve();
  const { probabilities } = await asked;
  t.ok(probabilities[1] > 0.99);
});
