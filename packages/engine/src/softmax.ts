import type { TaskKind } from '@scion/contracts';

/** Scores to probabilities, in place. */
export function softmax(scores: Float32Array): void {
  const most = scores.reduce((a, b) => Math.max(a, b));
  let sum = 0;
  for (let c = 0; c < scores.length; c += 1) {
    scores[c] = Math.exp(scores[c] - most);
    sum += scores[c];
  }
  for (let c = 0; c < scores.length; c += 1) scores[c] /= sum;
}

/** A row's scores to what a task of that kind answers, in place: a regression's are its answer. */
export function toPredictions(kind: TaskKind, scores: Float32Array): void {
  if (kind === 'classification') softmax(scores);
  else if (kind === 'multilabel')
    for (let c = 0; c < scores.length; c += 1) scores[c] = 1 / (1 + Math.exp(-scores[c]));
}
