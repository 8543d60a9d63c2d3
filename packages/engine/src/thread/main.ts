import { parentPort, workerData } from 'node:worker_threads';
import { fitHead } from '../head/fit-head.js';
import type { FromThread, ThreadSetup, ThreadWork, ToThread } from './protocol.js';
import { runRows } from './run-rows.js';
import { openSession } from './session.js';
import { loadTokenizer } from './tokenizer.js';

/** One inference thread: a session, a tokenizer, and one piece of work at a time. */
const setup: ThreadSetup = workerData;
const port = parentPort!;
const post = (message: FromThread, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

const tokenize = await loadTokenizer(setup.tokenizerPath, setup.maxTokens);
const session = await openSession(setup);

async function perform(id: number, work: ThreadWork): Promise<void> {
  if (work.kind === 'rows') {
    const result = await runRows({ session, tokenize, setup }, work.rows);
    post({ kind: 'done', id, result });
    return;
  }
  const flag = new Int32Array(work.cancelled);
  const result = fitHead(work.data, {
    ...work.options,
    onEvent: (event) => post({ kind: 'event', id, event }),
    checkpoint() {
      if (Atomics.load(flag, 0) !== 0) throw new Error('cancelled');
    },
  });
  post({ kind: 'done', id, result });
}

port.on('message', async ({ id, work }: ToThread) => {
  if (work.kind === 'close') {
    await session.close();
    port.close();
    return;
  }
  try {
    await perform(id, work);
  } catch (error) {
    post({ kind: 'failed', id, message: error instanceof Error ? error.message : String(error) });
  }
});
post({ kind: 'ready', provider: session.provider });
