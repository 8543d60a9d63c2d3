import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { openStore, type StoreSettings } from '@scion/store';
import { bad, type Check, good, skipped } from './finding.js';

/** Writes, reads back, lists and deletes one small object. */
export function storeCheck(settings: StoreSettings): Check {
  return {
    name: 'store',
    async look() {
      const where =
        settings.kind === 'folder'
          ? settings.path
          : `bucket ${settings.bucket}${settings.endpoint ? ` at ${settings.endpoint}` : ''}`;
      if (settings.kind === 'folder' && !existsSync(settings.path))
        return skipped(`${where} is not there yet; scion up makes it`);
      const key = `doctor/${randomBytes(8).toString('hex')}`;
      const value = randomBytes(32);
      let store: Awaited<ReturnType<typeof openStore>> | undefined;
      try {
        store = await openStore(settings);
        const startedAt = performance.now();
        await store.put(key, value);
        const read = await store.get(key);
        await store.delete(key);
        const ms = Math.round(performance.now() - startedAt);
        if (!read || !value.equals(read.body))
          return bad(`${where} gave back other bytes than were written`, 'look at the storage itself');
        return good(`${where}: written, read back and deleted in ${ms} ms`);
      } catch (error) {
        return bad(
          `${where}: ${(error as Error).message}`,
          settings.kind === 'folder'
            ? 'look at the rights of the folder'
            : 'check bucket, endpoint, region and the credentials (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or a role)',
        );
      } finally {
        await store?.close();
      }
    },
  };
}
