import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { createS3Store, listAll, type S3StoreOptions } from '@scion/store';
import { storeConformance } from '@scion/store/conformance';
import { startS3 } from '@scion/testkit';
import t from 'tap';

/** Every store under test gets a prefix of its own, and takes away what it wrote where that would outlive the test. */
function openIn(options: S3StoreOptions, outlives: boolean) {
  return async () => {
    const here = { ...options, prefix: `test-${randomUUID()}` };
    const stores = [await createS3Store(here)];
    return {
      store: stores[0]!,
      another: async () => {
        const store = await createS3Store(here);
        stores.push(store);
        return store;
      },
      close: async () => {
        if (outlives) for await (const { key } of listAll(stores[0]!, '')) await stores[0]!.delete(key);
        for (const store of stores) await store.close();
      },
    };
  };
}

const endpoint = process.env.S3_TEST_ENDPOINT;

if (endpoint) {
  await t.test('the S3 store keeps every promise of a store at S3_TEST_ENDPOINT', async (t) => {
    // Credentials and region from the standard AWS variables.
    const bucket = process.env.S3_TEST_BUCKET ?? 'scion-test';
    const region = process.env.AWS_REGION ?? 'us-east-1';
    const client = new S3Client({ endpoint, region, forcePathStyle: true });
    await client.send(new CreateBucketCommand({ Bucket: bucket })).catch((error: Error) => {
      if (!error.name.startsWith('BucketAlready')) throw error;
    });
    client.destroy();
    const store = await createS3Store({ bucket, endpoint, region });
    t.comment(`If-None-Match on PUT: ${store.conditionalPut}`);
    await store.close();
    const open = openIn({ bucket, endpoint, region }, true);
    await storeConformance(t, { open, atomicBetweenInstances: store.conditionalPut, modelRuns: 40 });
  });
} else {
  await t.test(
    'the S3 store keeps every promise of a store, on the strict server of the testkit',
    async (t) => {
      const server = await startS3();
      t.teardown(() => server.close());
      await storeConformance(t, { open: openIn(server, false), modelRuns: 40 });
    },
  );
}
