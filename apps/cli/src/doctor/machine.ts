import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { dirname, resolve } from 'node:path';
import { bytes, counted, percent } from '../terminal/format.js';
import { bad, type Check, type Finding, good, warning } from './finding.js';

const oldestNode = [20, 19] as const;
/** What api and worker take with the default base, each some 400 MB, and room for a batch. */
const leastMemoryBytes = 1_500_000_000;
const littleDiskBytes = 1_000_000_000;

export function nodeCheck(version: string): Check {
  return {
    name: 'Node',
    async look() {
      const [major = 0, minor = 0] = version.split('.').map(Number);
      const old = major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1]);
      return old
        ? bad(`version ${version}`, `install Node ${oldestNode.join('.')} or newer`)
        : good(`version ${version}`);
    },
  };
}

export function machineCheck(): Check {
  return {
    name: 'machine',
    async look() {
      const found = `${counted(availableParallelism(), 'core')}, ${bytes(freemem())} of ${bytes(totalmem())} memory free`;
      return totalmem() < leastMemoryBytes
        ? warning(found, `api and worker want ${bytes(leastMemoryBytes)}; run them on machines of their own`)
        : good(found);
    },
  };
}

/** The disk that the data folder is on, or will be. */
export function diskCheck(folder: string): Check {
  return {
    name: 'disk',
    async look(): Promise<Finding> {
      const existing = await firstExisting(resolve(folder));
      const { bsize, bavail, blocks } = await statfs(existing);
      const free = bsize * bavail;
      const found = `${bytes(free)} free (${percent(bavail / Math.max(1, blocks))}) at ${existing}`;
      try {
        await access(existing, constants.W_OK);
      } catch {
        return bad(`${existing} cannot be written`, `give it to this user, or choose another --data folder`);
      }
      return free < littleDiskBytes
        ? warning(found, 'make room: objects, the append-only file and a base need it')
        : good(found);
    },
  };
}

async function firstExisting(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    try {
      await access(at);
      return at;
    } catch (error) {
      if (at === dirname(at)) throw error;
    }
  }
}
