/** Some four characters make a token; of a longer text the base takes no more than `maxTokens`. */
export function estimateTokens(text: string, maxTokens: number): number {
  return Math.min(maxTokens, 2 + Math.ceil(text.length / 4));
}
