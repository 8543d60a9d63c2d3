import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileStore } from '@scion/store';
import { storeConformance } from '@scion/store/conformance';
import t from 'tap';

await t.test('the file store keeps every promise of a store', async (t) => {
  await storeConformance(t, {
    modelRuns: 60,
    open: async () => {
      const root = await mkdtemp(join(tmpdir(), 'scion-store-'));
      return {
        store: await createFileStore({ root }),
        another: () => createFileStore({ root }),
        close: () => rm(root, { recursive: true }),
      };
    },
  });
});
