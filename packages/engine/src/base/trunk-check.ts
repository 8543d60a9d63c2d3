import type { ThreadSetup } from '../thread/protocol.js';
import { type RowRunner, runRows } from '../thread/run-rows.js';
import { openSession } from '../thread/session.js';
import { loadTokenizer } from '../thread/tokenizer.js';
import type { TrunkCheck } from './base-info.js';
import { sampleTexts } from './sample-texts.js';

/** What quantising a trunk may change at most. On all-MiniLM-L6-v2 it changes half as much. */
const allowed = { featureCosine: 0.985, hiddenError: 0.2 };

type Setup = Pick<
  ThreadSetup,
  'topPath' | 'tokenizerPath' | 'maxTokens' | 'hiddenSize' | 'featureSize' | 'sites'
>;

/**
 * Runs both trunks, each with the same top, as they are served.
 * @param trunks paths of the graphs
 */
export async function checkTrunk(
  trunks: { float32: string; quantised: string },
  setup: Setup,
): Promise<TrunkCheck> {
  const tokenize = await loadTokenizer(setup.tokenizerPath, setup.maxTokens);
  const answersOf = async (trunkPath: string) => {
    const session = await openSession({ ...setup, trunkPath, provider: 'cpu' });
    try {
      const runner: RowRunner = { session, tokenize, setup: { ...setup, maxTokensPerRun: 512 } };
      return await runRows(
        runner,
        sampleTexts.map((input) => ({ input, answer: 'features', keepTrunk: true })),
      );
    } finally {
      await session.close();
    }
  };
  const expected = await answersOf(trunks.float32);
  const actual = await answersOf(trunks.quantised);
  const cosines = expected.map(({ values }, row) => cosine(values, actual[row].values));
  const errors = expected.map(({ trunk }, row) => distance(trunk!.hidden, actual[row].trunk!.hidden));
  return {
    texts: sampleTexts.length,
    featureCosine: { least: Math.min(...cosines), mean: mean(cosines) },
    hiddenError: { largest: Math.max(...errors), mean: mean(errors) },
    allowed,
  };
}

/** Why a trunk must not be served; undefined where it may. What is not a number passes no bound. */
export function refusalOf({ featureCosine, hiddenError, allowed }: TrunkCheck): string | undefined {
  if (featureCosine.least >= allowed.featureCosine && hiddenError.largest <= allowed.hiddenError)
    return undefined;
  return (
    `features of a text are as near as cosine ${featureCosine.least.toFixed(4)} (at least ${allowed.featureCosine} is asked for) ` +
    `and hidden states are off by up to ${(100 * hiddenError.largest).toFixed(1)} % (at most ${100 * allowed.hiddenError} %)`
  );
}

const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const dot = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, at) => sum + value * b[at], 0);
const cosine = (a: Float32Array, b: Float32Array): number => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));

/** ‖a − b‖ ÷ ‖a‖ */
function distance(a: Float32Array, b: Float32Array): number {
  const difference = a.map((value, at) => value - b[at]);
  return Math.sqrt(dot(difference, difference) / dot(a, a));
}
