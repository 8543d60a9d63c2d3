// What the tests execute of our own code. V8 writes for each process what it ran of all that it had loaded, libraries
// included, some 8 MB: ours is kept, a thirtieth of it.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { mergeProcessCovs } from '@bcoe/v8-coverage';
import { Report } from 'c8';

/** Keeps what the processes of each test file have counted; `check` prints the sums and answers whether all floors are held. */
export function createCoverage({ root, floors }) {
  const folder = mkdtempSync(join(tmpdir(), 'scion-coverage-'));
  const kept = join(folder, 'kept');
  mkdirSync(kept);
  const own = pathToFileURL(root).href;
  const isOurs = ({ url }) =>
    url.startsWith(own) &&
    /^\/?(apps|packages)\/[^/]+\/dist\//.test(url.slice(own.length)) &&
    !url.endsWith('.test.js');
  const folderOf = (file) => join(folder, file.replaceAll('/', '+'));

  return {
    folderOf,
    keep(file) {
      const raw = folderOf(file);
      let names;
      try {
        names = readdirSync(raw);
      } catch {
        return;
      }
      const processes = names.flatMap((name) => {
        try {
          const { result, 'source-map-cache': maps } = JSON.parse(readFileSync(join(raw, name), 'utf8'));
          return [
            {
              result: result.filter(isOurs),
              maps: Object.entries(maps ?? {}).filter(([url]) => isOurs({ url })),
            },
          ];
        } catch {
          // A process that was killed while it wrote.
          return [];
        }
      });
      rmSync(raw, { recursive: true, force: true });
      const merged = {
        ...mergeProcessCovs(processes),
        'source-map-cache': Object.fromEntries(processes.flatMap(({ maps }) => maps)),
      };
      writeFileSync(join(kept, `${file.replaceAll('/', '+')}.json`), JSON.stringify(merged));
    },
    async check() {
      const report = new Report({
        tempDirectory: kept,
        reportsDirectory: folder,
        reporter: ['text-summary'],
        exclude: [],
        resolve: '',
        watermarks: {},
      });
      await report.run();
      const summary = (await report.getCoverageMapFromAllCoverageFiles()).getCoverageSummary();
      rmSync(folder, { recursive: true, force: true });
      return Object.entries(floors).every(([name, floor]) => summary[name].pct >= floor);
    },
  };
}
