import { createClient, isScionError } from '@scion/sdk';
import { counted } from '../terminal/format.js';
import { bad, type Check, type Finding, good, skipped, warning } from './finding.js';

/** Whether the API answers, is ready, and has workers behind it. */
export function serviceCheck(url: string | undefined, apiKey: string | undefined): Check {
  return {
    name: 'service',
    async look(): Promise<Finding> {
      if (url === undefined) return skipped('none is running on the data folder; scion up starts it');
      let response: Response;
      try {
        response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(5_000) });
      } catch {
        return bad(`${url} does not answer`, 'is it running? scion up starts it; else look at the address');
      }
      if (!response.ok) {
        const { detail } = (await response.json().catch(() => ({}))) as { detail?: string };
        return bad(
          `${url}: ${detail ?? `HTTP ${response.status}`}`,
          'the other findings say which part, and why',
        );
      }
      if (apiKey === undefined) return good(`${url} is ready`);
      try {
        const { version, workers, queue } = await createClient({ baseUrl: url, apiKey }).system.get();
        const found = `${url} is ready: version ${version}, ${counted(workers, 'worker')}, ${counted(queue.waiting, 'job')} waiting`;
        return workers === 0 ? bad(found, 'start a worker: jobs wait until one runs') : good(found);
      } catch (error) {
        // A tenant's own key may not look at the system.
        if (isScionError(error, 'scope_missing')) return good(`${url} is ready`);
        if (isScionError(error, 'unauthenticated'))
          return warning(`${url} is ready, yet refuses the key`, 'set SCION_API_KEY to one that is valid');
        throw error;
      }
    },
  };
}
