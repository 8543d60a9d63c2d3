import { parentPort, workerData } from 'node:worker_threads';
import { fitHead, fitLinear } from '../head/fit-head.js';
import type {
  FromThread,
  ThreadResults,
  ThreadSetup,
  ThreadWork,
  ToThread,
  TrainingGraphKey,
} from './protocol.js';
import { runRows } from './run-rows.js';
import { openSession } from './session.js';
import { openProducts } from './session-products.js';
import { openTraining, type TrainingSession } from './session-training.js';
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

/** Opened when they are first needed: most threads never train, and a graph takes some tens of megabytes. */
const trainings = new Map<string, Promise<TrainingSession>>();
function trainingOf(graph: TrainingGraphKey): Promise<TrainingSession> {
  const key = JSON.stringify([graph.kind, graph.rank, graph.alpha]);
  const known = trainings.get(key) ?? openTraining(setup, graph);
  trainings.set(key, known);
  known.catch(() => trainings.delete(key));
  return known;
}

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
      return (await trainingOf(work.graph)).layout;
    case 'train':
      return (await trainingOf(work.slice.graph)).run(work.slice);
  }
}

async function handle({ id, work }: ToThread): Promise<void> {
  if (work.kind === 'close') {
    for (const training of trainings.values()) await (await training).close();
    await session.close();
    await products.close();
    port.close();
    return;
  }
  try {
    post({ kind: 'done', id, result: await perform(id, work) });
  } catch (error) {
    post({ kind: 'failed', id, message: error instanceof Error ? error.message : String(error) });
  }
}

// One after the other: work lets go of the thread between its runs, and the end must not come in there.
let last = Promise.resolve();
port.on('message', (message: ToThread) => {
  last = last.then(() => handle(message));
});
post({ kind: 'ready', provider: session.provider, fallback: session.fallback });
