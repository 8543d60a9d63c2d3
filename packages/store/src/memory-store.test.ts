import { createMemoryStore } from '@scion/store';
import { storeConformance } from '@scion/store/conformance';
import t from 'tap';

await t.test('the memory store keeps every promise of a store', async (t) => {
  await storeConformance(t, {
    open: async () => {
      const store = createMemoryStore();
      return { store, another: async () => store, close: () => store.close() };
    },
  });
});
