import { AppError } from '@scion/contracts';
import { objectKeys } from './index.js';
import { rows, testFaults } from './testing/faults.js';

const oldRow = { id: 'a', input: 'old', label: 'like' };

testFaults({
  'append examples': {
    async prepare(registry, ref) {
      await registry.examples.append(ref, [oldRow]);
    },
    run: (registry, ref) => registry.examples.append(ref, rows),
    async between(registry, ref, t) {
      const { examples } = await registry.examples.all(ref);
      const texts = examples.map(({ input }) => input);
      t.ok(['old', 'new,two'].includes(texts.join()), 'all of the request is stored, or nothing');
      t.equal(await registry.examples.count(ref), examples.length, 'and counted');
    },
    async after(registry, ref, t) {
      const { examples } = await registry.examples.all(ref);
      t.match(examples, rows);
      t.equal(examples.length, 2);
      t.equal(await registry.examples.count(ref), 2);
      t.match(await registry.examples.append(ref, rows), { duplicates: 2, total: 2 });
    },
  },
  'delete an example': {
    async prepare(registry, ref) {
      await registry.examples.append(ref, [oldRow, { id: 'b', input: 'kept', label: 'like' }]);
    },
    async run(registry, ref) {
      await registry.examples.delete(ref, 'a').catch((error: unknown) => {
        // The one before took it back and died later.
        if (!(error instanceof AppError) || error.code !== 'example_not_found') throw error;
      });
    },
    async between(registry, ref, t) {
      const { examples } = await registry.examples.all(ref);
      t.equal(await registry.examples.count(ref), examples.length, 'what is there is counted');
    },
    async after(registry, ref, t) {
      const { examples } = await registry.examples.all(ref);
      t.same(
        examples.map(({ id }) => id),
        ['b'],
      );
      t.equal(await registry.examples.count(ref), 1);
      t.match(await registry.examples.append(ref, [oldRow]), { accepted: 1, total: 2 });
    },
  },
  'append the first examples': {
    run: (registry, ref) => registry.examples.append(ref, rows),
    async after(registry, ref, t) {
      t.equal(await registry.examples.count(ref), 2);
      t.ok((await registry.models.list(ref.tenantId)).data.some(({ user }) => user === ref.user));
    },
  },
  'compact examples': {
    async prepare(registry, ref) {
      await registry.examples.append(ref, [{ id: 'gone', input: 'secret pear', label: 'like' }, oldRow]);
      await registry.examples.append(ref, rows);
      await registry.examples.append(ref, [{ id: 'c', input: 'three', label: 'like' }]);
      await registry.examples.delete(ref, 'gone');
    },
    run: (registry, ref) => registry.examples.compact(ref),
    async between(registry, ref, t) {
      const { examples } = await registry.examples.all(ref);
      t.match(examples, [...rows, { id: 'c' }], 'all that counts is there, in its order');
      t.equal(examples.length, 3, 'and nothing that was deleted has come back');
      t.equal(await registry.examples.count(ref), 3);
    },
    async after(registry, ref, t, { store }) {
      const { objects } = await store.list(objectKeys.segmentsPrefix(ref));
      t.equal(objects.length, 1, 'one segment');
      const text = Buffer.from((await store.get(objects[0]?.key ?? ''))?.body ?? '').toString();
      t.notMatch(text, 'secret pear', 'what was deleted is gone from the store');
      t.notMatch(text, 'old', 'so is what was replaced');
      t.match((await registry.examples.all(ref)).examples, [...rows, { id: 'c' }]);
      t.match(await registry.examples.append(ref, rows), { duplicates: 2, total: 3 });
    },
  },
});
