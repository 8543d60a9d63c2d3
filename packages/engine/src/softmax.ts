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
