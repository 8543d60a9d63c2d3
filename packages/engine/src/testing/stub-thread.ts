import { parentPort, workerData } from 'node:worker_threads';
import type { FromThread, ToThread } from '../thread/protocol.js';

/** A thread that does as the first text says: `crash`, `fail`, `refuse`, `hang`, or else answers the lengths of the texts. */
const port = parentPort!;
const post = (message: FromThread) => port.postMessage(message);
/** A count of starts that the test shares: the start of that number, and all later ones, fail. */
const { starts, failFrom }: { starts: SharedArrayBuffer; failFrom: number } = workerData;

if (Atomics.add(new Int32Array(starts), 0, 1) >= failFrom) throw new Error('will not start');
port.on('message', ({ id, work }: ToThread) => {
  if (work.kind === 'close') {
    port.close();
    return;
  }
  if (work.kind !== 'rows') return;
  const texts = work.rows.map(({ input }) => input as string);
  const [first] = texts;
  if (first === 'crash') throw new Error('crashed');
  else if (first === 'fail') post({ kind: 'failed', id, message: 'private detail' });
  else if (first === 'refuse')
    post({
      ...{ kind: 'failed', id, message: 'private detail' },
      problem: { code: 'base_untrainable', detail: 'public detail' },
    });
  else if (first !== 'hang')
    post({
      kind: 'done',
      id,
      result: texts.map(({ length }) => ({ values: Float32Array.of(length), tokens: length })),
    });
});
post({ kind: 'ready', provider: 'cuda' });
