import fc from 'fast-check';
import t from 'tap';
import { checkKey } from '../keys.js';
import { foldersOf, fromBytes, pathOf, readName } from './file-names.js';

const key = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 120 }),
      fc.stringMatching(/^[A-Za-z.%~]{1,90}$/),
    ),
    {
      minLength: 1,
      maxLength: 3,
    },
  )
  .map((segments) => segments.join('/'))
  .filter((k) => {
    try {
      checkKey(k);
      return true;
    } catch {
      return false;
    }
  });

/** The key that a path stands for, read name by name as a walk does. */
function keyOf(path: { folders: string[]; file: string }): string {
  let bytes = '';
  let insidePiece = false;
  for (const name of [...path.folders, path.file]) {
    const entry = readName(name, insidePiece);
    if (!entry) throw new Error(`not one of ours: ${name}`);
    bytes += entry.bytes;
    insidePiece = entry.kind === 'piece';
  }
  return fromBytes(bytes);
}

await t.test('a path stands for exactly one key, in names every file system takes', async (t) => {
  const property = fc.property(key, (k) => {
    const path = pathOf(k);
    const names = [...path.folders, path.file];
    // Nothing to fold or normalise: no capital letter, no byte beyond ASCII.
    const plain = names.every((name) => name.length <= 255 && /^[a-z0-9_!.%~-]+$/.test(name));
    return plain && keyOf(path) === k && !names.includes('.') && !names.includes('..');
  });
  fc.assert(property, { seed: 1, numRuns: 2_000 });
  t.pass();
});

await t.test('a name tells objects from folders, so that both may bear the same one', async (t) => {
  const property = fc.property(key, (k) => {
    const { folders, file } = pathOf(k);
    const below = pathOf(`${k}/x`).folders;
    return file.includes('.') && folders.concat(below).every((name) => !name.includes('.'));
  });
  fc.assert(property, { seed: 1, numRuns: 1_000 });
  t.pass();
});

await t.test('keys such as Scion’s own stay readable on disk', async (t) => {
  t.strictSame(pathOf('tenants/ten_01/users/ada!40example!2ecom/inbox-triage/jobs/job_01.events.ndjson'), {
    folders: ['tenants', 'ten_01', 'users', 'ada!40example!2ecom', 'inbox-triage', 'jobs'],
    file: 'job_01.events.ndjson',
  });
  t.strictSame(foldersOf('tenants/ten_01/'), ['tenants', 'ten_01']);
  t.strictSame(foldersOf(''), []);
});

await t.test('names that this store never writes stand for nothing', async (t) => {
  const foreign = [
    '.DS_Store',
    'lost+found',
    'Upper.json',
    'é.json',
    '%41',
    '%4',
    'a%2eb.json',
    'x.%.%',
    '.scion',
    '%',
    '.%',
  ];
  for (const name of [...foreign, `${'x'.repeat(79)}%~`, 'x'.repeat(80), `${'x'.repeat(76)}.json`, '']) {
    const entry = readName(name, false);
    if (name === '%41') t.match(entry, { kind: 'folder', bytes: 'A/' });
    else t.equal(entry, undefined, name);
  }
});
