import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { operatorKey } from './operator-key.js';

t.test('a key is made once, for its owner alone to read', async (t) => {
  const folder = t.testdir();
  const made = await operatorKey(folder);
  t.match(made, { secret: /^scion_operator_[\w-]{32}$/, isNew: true });
  t.equal((await stat(made.path)).mode & 0o777, 0o600);
  t.same(await operatorKey(folder), { ...made, isNew: false });
});

t.test('a key file that was left empty, by a full disk or a power cut, counts as none', async (t) => {
  for (const left of ['', '\n', '\0'.repeat(48)]) {
    const folder = t.testdir();
    await writeFile(join(folder, 'operator-key'), left);
    const { secret, isNew, path } = await operatorKey(folder);
    t.ok(isNew);
    t.equal(await readFile(path, 'utf8'), `${secret}\n`);
  }
});
