import type { HeadWeights } from '../adapter/decode.js';
import { decodeFloat16 } from '../float16.js';
import type { Row, RowAnswer, ThreadSetup, TrunkOutput } from './protocol.js';
import type { BaseSession, HiddenBatch } from './session.js';
import { splitBatch } from './split-batch.js';
import type { Tokenize } from './tokenizer.js';

export interface RowRunner {
  session: BaseSession;
  tokenize: Tokenize;
  setup: Pick<ThreadSetup, 'maxTokensPerRun' | 'hiddenSize' | 'featureSize'>;
}

/** What is computed once on its way through trunk and top, and the rows that it answers. */
interface Passenger {
  input: Row['input'];
  lora: Row['lora'];
  /** Empty where the trunk's output was given. */
  ids: number[];
  length: number;
  /** One, but for bare rows over one trunk output: only their heads differ. */
  rows: { at: number; row: Row }[];
}

/** Answers rows in their order, however they are best cut into runs. */
export async function runRows(runner: RowRunner, rows: Row[]): Promise<RowAnswer[]> {
  const passengers: Passenger[] = [];
  const bare = new Map<Row['input'], Passenger>();
  for (const [at, row] of rows.entries()) {
    const { input, lora } = row;
    const known = lora === undefined ? bare.get(input) : undefined;
    if (known) {
      known.rows.push({ at, row });
      continue;
    }
    const ids = typeof input === 'string' ? runner.tokenize(input) : [];
    const length = typeof input === 'string' ? ids.length : input.tokens;
    const passenger = { input, lora, ids, length, rows: [{ at, row }] };
    passengers.push(passenger);
    if (typeof input !== 'string' && lora === undefined) bare.set(input, passenger);
  }
  const answers: RowAnswer[] = rows.map(() => ({ values: new Float32Array(0), tokens: 0 }));
  for (const { length, rows: own } of passengers)
    for (const { at } of own) answers[at].tokens = length / own.length;
  const lengths = passengers.map(({ length }) => length);
  for (const run of splitBatch(lengths, runner.setup.maxTokensPerRun))
    await ride(
      runner,
      run.map((at) => passengers[at]),
      answers,
    );
  return answers;
}

/** One run: the trunk for texts, the top for all that want more of it. */
async function ride(
  { session, setup }: RowRunner,
  passengers: Passenger[],
  answers: RowAnswer[],
): Promise<void> {
  const { hiddenSize, featureSize } = setup;
  const texts = passengers.filter(({ input }) => typeof input === 'string');
  const trunk = texts.length > 0 ? await session.runTrunk(texts.map(({ ids }) => ids)) : undefined;
  const lowerSize = trunk ? trunk.pooled.length / texts.length : givenOf(passengers[0]).pooled.length;
  if (trunk) toUnitLength(trunk.pooled, hiddenSize);
  const place = new Map(texts.map((text, row) => [text, row]));
  for (const [i, { rows }] of texts.entries())
    for (const { row, at } of rows)
      if (row.keepTrunk || row.answer === 'trunk')
        answers[at].trunk = shared(trunk!, i, { hiddenSize, lowerSize });

  const upward = passengers.filter(({ rows }) => rows.some(({ row }) => row.answer !== 'trunk'));
  if (upward.length === 0) return;
  // Where all came through the trunk just now and go on, its output is the top's input as it is.
  const batch =
    trunk && upward.length === texts.length && texts.length === passengers.length
      ? trunk
      : gather(upward, { trunk, place, hiddenSize });
  const upper = await session.runTop(
    batch,
    upward.map(({ lora }) => lora),
  );
  toUnitLength(upper, hiddenSize);
  const upperSize = featureSize - lowerSize;
  const weightOf = createWeights();
  for (const [i, passenger] of upward.entries()) {
    const features = new Float32Array(featureSize);
    const from = place.get(passenger);
    features.set(
      from === undefined
        ? givenOf(passenger).pooled
        : trunk!.pooled.subarray(from * lowerSize, (from + 1) * lowerSize),
    );
    features.set(upper.subarray(i * upperSize, (i + 1) * upperSize), lowerSize);
    for (const { row, at } of passenger.rows)
      if (row.answer === 'features') answers[at].values = features;
      else if (row.answer !== 'trunk') answers[at].values = scoresOf(row.answer, features, weightOf);
  }
}

/** Heads as float32, each converted once a run. */
function createWeights(): (head: HeadWeights) => Float32Array {
  const weights = new Map<HeadWeights, Float32Array>();
  return (head) => {
    const known = weights.get(head) ?? decodeFloat16(head.weight);
    weights.set(head, known);
    return known;
  };
}

function givenOf({ input }: Passenger): TrunkOutput {
  return input as TrunkOutput;
}

/** What the trunk made of one row, without its padding. */
function shared(
  { hidden, tokens, lengths, pooled }: HiddenBatch & { pooled: Float32Array },
  row: number,
  { hiddenSize, lowerSize }: { hiddenSize: number; lowerSize: number },
): TrunkOutput {
  const size = lengths[row] * hiddenSize;
  const memory = new SharedArrayBuffer(4 * (size + lowerSize));
  const out = {
    tokens: lengths[row],
    hidden: new Float32Array(memory, 0, size),
    pooled: new Float32Array(memory, 4 * size, lowerSize),
  };
  const from = row * tokens * hiddenSize;
  out.hidden.set(hidden.subarray(from, from + size));
  out.pooled.set(pooled.subarray(row * lowerSize, (row + 1) * lowerSize));
  return out;
}

/** The hidden states of texts from this run's trunk and of what came with its own, in one batch. */
function gather(
  passengers: Passenger[],
  {
    trunk,
    place,
    hiddenSize,
  }: { trunk: HiddenBatch | undefined; place: ReadonlyMap<Passenger, number>; hiddenSize: number },
): HiddenBatch {
  const lengths = passengers.map(({ length }) => length);
  const tokens = Math.max(...lengths);
  const hidden = new Float32Array(passengers.length * tokens * hiddenSize);
  for (const [i, passenger] of passengers.entries()) {
    const from = place.get(passenger);
    const start = (from ?? 0) * (trunk?.tokens ?? 0) * hiddenSize;
    const own =
      from === undefined
        ? givenOf(passenger).hidden
        : trunk!.hidden.subarray(start, start + passenger.length * hiddenSize);
    hidden.set(own, i * tokens * hiddenSize);
  }
  return { hidden, tokens, lengths };
}

/** features · weightᵀ · scale + bias of each head, one after another. */
function scoresOf(
  heads: HeadWeights[],
  features: Float32Array,
  weightOf: (head: HeadWeights) => Float32Array,
): Float32Array {
  const scores = new Float32Array(heads.reduce((sum, { bias }) => sum + bias.length, 0));
  let at = 0;
  for (const head of heads) {
    const weight = weightOf(head);
    for (let label = 0, j = 0; label < head.bias.length; label += 1, at += 1) {
      let product = 0;
      for (let column = 0; column < features.length; column += 1, j += 1)
        product += weight[j] * features[column];
      scores[at] = product * head.scale + head.bias[label];
    }
  }
  return scores;
}

/**
 * Every `size` values become a vector of unit length. Heads do better on directions alone, and the last layer's is then
 * the sentence embedding, as the all-MiniLM models define it.
 */
function toUnitLength(values: Float32Array, size: number): void {
  for (let at = 0; at < values.length; at += size) {
    let squares = 0;
    for (let j = at; j < at + size; j += 1) squares += values[j] * values[j];
    const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
    for (let j = at; j < at + size; j += 1) values[j] *= scale;
  }
}
