import { mkdir, open, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface Folders {
  /** Makes the folders, durably, and returns the innermost one's path. Another process may prune it right after. */
  ensure(names: string[]): Promise<string>;
  /** Makes the entries of a folder durable; a folder that is gone has nothing to lose. */
  sync(path: string): Promise<void>;
  /** Removes the folder and those above it as far as they are empty, then makes that durable. */
  prune(path: string): Promise<void>;
}

/** Folders known to be durable that are remembered; forgetting one costs a few fsyncs. */
const rememberedFolders = 10_000;

export const errorCode = (error: unknown) => (error as NodeJS.ErrnoException).code;

/**
 * Folders below a root that several processes make and prune at once. A new folder survives a power loss only once its
 * parent is fsynced, be it made by this process or by another that has not come to that yet: so each folder is
 * fsynced into its parent once per process. It is known again by inode and birth time, as a pruned folder may come
 * back; the folders above one that still stands have stood all along.
 */
export function createFolders(root: string): Folders {
  const durable = new Map<string, string>();

  const identify = async (path: string) => {
    const { ino, birthtimeNs } = await stat(path, { bigint: true });
    return `${ino}:${birthtimeNs}`;
  };

  const sync = async (path: string) => {
    const handle = await open(path, 'r').catch((error) => {
      if (errorCode(error) !== 'ENOENT') throw error;
    });
    if (!handle) return;
    try {
      await handle.sync();
    } catch (error) {
      // Some network and FUSE file systems cannot fsync a folder; they offer nothing better.
      if (errorCode(error) !== 'EINVAL' && errorCode(error) !== 'ENOTSUP') throw error;
    } finally {
      await handle.close();
    }
  };

  const isDurable = async (path: string) => {
    const known = durable.get(path);
    return known !== undefined && known === (await identify(path).catch(() => undefined));
  };

  return {
    sync,
    async ensure(names) {
      const path = join(root, ...names);
      if (path === root || (await isDurable(path))) return path;
      let parent = root;
      for (const name of names) {
        const folder = join(parent, name);
        if (!(await isDurable(folder))) {
          await mkdir(folder).catch((error) => {
            if (errorCode(error) !== 'EEXIST') throw error;
          });
          const identity = await identify(folder);
          await sync(parent);
          if (durable.size >= rememberedFolders) durable.delete(durable.keys().next().value!);
          durable.set(folder, identity);
        }
        parent = folder;
      }
      return path;
    },
    async prune(path) {
      let folder = path;
      while (folder !== root) {
        try {
          // Atomic: fails where a file has appeared meanwhile. A writer who loses its folder to this makes it anew.
          await rmdir(folder);
        } catch (error) {
          const code = errorCode(error);
          if (code === 'ENOTEMPTY' || code === 'EEXIST') break;
          if (code !== 'ENOENT') throw error;
        }
        durable.delete(folder);
        folder = dirname(folder);
      }
      await sync(folder);
    },
  };
}
