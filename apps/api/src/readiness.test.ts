import { createS3Store } from '@scion/store';
import { startS3 } from '@scion/testkit';
import t from 'tap';
import { createReadiness } from './readiness.js';

t.test('a bucket that is gone, or a token that has expired, is not ready', async (t) => {
  const server = await startS3();
  const store = await createS3Store(server);
  t.teardown(async () => {
    await store.close();
    await server.close();
  });
  const readiness = createReadiness({
    store,
    redis: {} as never,
    engine: {} as never,
    isIndexed: () => true,
  });
  await t.resolves(readiness.store!());
  server.failNext({ status: 404, code: 'NoSuchBucket' });
  await t.rejects(readiness.store!(), { code: 'not_ready', detail: /bucket .* does not exist/ });
  server.failNext({ status: 400, code: 'ExpiredToken' });
  await t.rejects(readiness.store!(), { code: 'not_ready', detail: /credentials/ });
});
