import { parentPort, workerData } from 'node:worker_threads';
import { AppError } from '@scion/contracts';
import { GraphError } from '@scion/graph';
import { fitHead, fitLinear } from '../head/fit-head.js';
import { createOpenTrainings } from './open-trainings.js';
import type { FromThread, ThreadResults, ThreadSetup, ThreadWork, ToThread } from './protocol.js';
import { runRows } from './run-rows.js';
import { openSession } from './session.js';
import { openProducts } from './session-products.js';
import { openTraining } from './session-training.js';
import { standBack } from './stand-back.js';
import { loadTokenizer } from './tokenizer.js';

/** One inference thread: a session, a tokenizer, and one piece of work at a time. */
const setup: ThreadSetup = workerData;
const port = parentPort!;
const post = (message: FromThread) => port.postMessage(message);

standBack();

const tokenize = await loadTokenizer(setup.tokenizerPath, setup.maxTokens);
const session = await openSession(setup);
const products = openProducts();
const trainings = createOpenTrainings((graph) =>
  openTraining(setup, graph).catch((error) => {
    if (!(error instanceof GraphError)) throw error;
    const detail = `Adapters of rank ${graph.rank} cannot be trained on this base model for ${graph.kind}.`;
    throw new AppError('base_untrainable', detail, { cause: error });
  }),
);

async function perform(id: number, work: ThreadWork): Promise<ThreadResults[keyof ThreadResults]> {
  const stopIfCancelled = (cancelled: SharedArrayBuffer) => () => {
    if (Atomics.load(new Int32Array(cancelled), 0) !== 0) throw new Error('cancelled');
  };
  switch (work.kind) {
    case 'rows':
      return runRows({ session, tokenize, setup }, work.rows);
    case 'fit':
      return fitHead(work.data, {
        ...work.options,
        onEvent: (event) => post({ kind: 'event', id, event }),
        checkpoint: stopIfCancelled(work.cancelled),
        products,
      });
    case 'linear':
      return fitLinear(work.data, work.fits, { checkpoint: stopIfCancelled(work.cancelled), products });
    case 'prepare':
      return (await trainings.of(work.graph)).layout;
    case 'train':
      return (await trainings.of(work.slice.graph)).run(work.slice);
  }
}

async function handle({ id, work }: ToThread): Promise<void> {
  if (work.kind === 'close') {
    await trainings.close();
    await session.close();
    await products.close();
    port.close();
    return;
  }
  try {
    post({ kind: 'done', id, result: await perform(id, work) });
  } catch (error) {
    const isProblem = error instanceof AppError;
    const reason = isProblem ? (error.cause ?? error) : error;
    post({
      ...{ kind: 'failed', id, message: reason instanceof Error ? reason.message : String(reason) },
      ...(isProblem && { problem: { code: error.code, detail: error.detail } }),
    });
  }
}

// One after the other: work lets go of the thread between its runs, and the end must not come in there.
let last = Promise.resolve();
port.on('message', (message: ToThread) => {
  last = last.then(() => handle(message));
});
post({ kind: 'ready', provider: session.provider, fallback: session.fallback });
