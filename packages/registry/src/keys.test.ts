import assert from 'node:assert/strict';
import { idPrefixes } from '@scion/contracts';
import fc from 'fast-check';
import t from 'tap';
import { escapeSegment, unescapeSegment } from './escape.js';
import { baseName, objectKeys, parseUserObject } from './keys.js';

const ulid = 'z'.repeat(26);
const id = (kind: keyof typeof idPrefixes): string => `${idPrefixes[kind]}_${ulid}`;
const longestUser = '\u{10ffff}'.repeat(64);
const users = fc
  .oneof(
    fc.string({ minLength: 1, unit: 'grapheme' }),
    fc.string({ minLength: 1, unit: 'binary' }),
    fc.string({ minLength: 200, maxLength: 256, unit: fc.constantFrom('a', '!', '/', 'é', 'A') }),
  )
  .filter((user) => Buffer.byteLength(user) <= 256);

t.test('an escaped name reads back as itself and never equals that of another', async (t) => {
  fc.assert(
    fc.property(users, users, (a, b) => {
      const key = escapeSegment(a);
      assert.equal(unescapeSegment(key), a);
      assert.equal(key === escapeSegment(b), a === b);
      assert.match(key, /^[a-z0-9_!/-]+$/);
      for (const piece of key.split('/'))
        assert.ok(piece.length <= 255 && piece !== '' && !piece.startsWith('.'));
    }),
    { numRuns: 500 },
  );
  t.end();
});

t.test('no user’s folder lies inside another’s', async (t) => {
  fc.assert(
    fc.property(users, users, (a, b) => {
      fc.pre(a !== b);
      const tenant = id('tenant');
      assert.ok(!objectKeys.userPrefix(tenant, a).startsWith(objectKeys.userPrefix(tenant, b)));
    }),
  );
  // A short user equal to the first piece of a long one is the case that splitting could break.
  const short = 'a'.repeat(240);
  t.notOk(objectKeys.userPrefix('ten_1', 'a'.repeat(250)).startsWith(objectKeys.userPrefix('ten_1', short)));
});

t.test('what escaping does not write is refused', async (t) => {
  for (const bad of ['A', '!', '!2', '!2E', '!61', '!ff', 'a/b', 'a!/b', '.', '!ed!a0!80']) {
    t.equal(unescapeSegment(bad), undefined, bad);
  }
  t.throws(() => escapeSegment('\ud800'), { code: 'invalid_request' });
});

t.test('a key of the longest legal names stays within S3’s 1024 bytes', async (t) => {
  const ref = { tenantId: id('tenant'), task: 'x'.repeat(63), user: longestUser };
  t.equal(Buffer.byteLength(longestUser), 256);
  for (const key of [
    objectKeys.adapter(ref, 99_999_999),
    objectKeys.live(ref, Number.MAX_SAFE_INTEGER),
    objectKeys.segment(ref, id('segment')),
    objectKeys.jobEvents(ref, id('job')),
    objectKeys.jobCancel(ref, id('job')),
  ]) {
    t.ok(Buffer.byteLength(key) <= 1024, `${Buffer.byteLength(key)} bytes`);
  }
});

t.test(
  'a key under a user tells whose it is, and whether it is the record of a job or of an event',
  async (t) => {
    fc.assert(
      fc.property(users, (user) => {
        const ref = { tenantId: id('tenant'), task: 'inbox-triage', user };
        assert.deepEqual(parseUserObject(objectKeys.job(ref, id('job'))), {
          ...{ ref, jobId: id('job'), eventId: undefined },
        });
        assert.deepEqual(parseUserObject(objectKeys.modelEvent(ref, 'evt_1')), {
          ...{ ref, jobId: undefined, eventId: 'evt_1' },
        });
        for (const key of [
          objectKeys.jobEvents(ref, id('job')),
          objectKeys.jobCancel(ref, id('job')),
          objectKeys.card(ref, 1),
          objectKeys.segment(ref, id('segment')),
        ]) {
          assert.deepEqual(parseUserObject(key), { ref, jobId: undefined, eventId: undefined });
        }
      }),
    );
    t.equal(parseUserObject('tenants/ten_1/users/A/b/c'), undefined);
    t.equal(parseUserObject('tenants/ten_1/users/a'), undefined);
    t.equal(baseName('tenants/ten_1/tasks/inbox-triage.json'), 'inbox-triage');
  },
);
