import { limits } from '@scion/contracts/limits';
import t from 'tap';
import { batches } from './batches.js';

t.test('rows are cut by number and by what they weigh as JSON, in order, none left out', async (t) => {
  t.strictSame([...batches([], 2)], []);
  t.strictSame([...batches([1, 2, 3, 4, 5], 2)], [[1, 2], [3, 4], [5]]);
  // Six bytes a character: a text at its longest is longer still when it is sent.
  const rows = Array.from({ length: 256 }, (_, at) => `${at}`.padEnd(limits.textChars, '\u0000'));
  const cut = [...batches(rows, 256)];
  t.strictSame(cut.flat(), rows);
  for (const inputs of cut) t.ok(Buffer.byteLength(JSON.stringify({ inputs })) < limits.bodyBytes);
  t.equal(cut.length, 8, 'and no more than it takes');
  const single = ['x'.repeat(limits.bodyBytes)];
  t.strictSame([...batches(single, 2)], [single], 'what is too large alone is the service’s to refuse');
});
