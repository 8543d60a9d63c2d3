import { readFile } from 'node:fs/promises';
import { Tokenizer } from '@huggingface/tokenizers';

/** Token ids of a text with the base's special tokens, at most `maxTokens` of them. */
export type Tokenize = (text: string) => number[];

/**
 * Loads tokenizer.json. A text too long is cut before its last special token, as Hugging Face's tokenizers do with
 * `truncation=True`.
 */
export async function loadTokenizer(path: string, maxTokens: number): Promise<Tokenize> {
  const tokenizer = new Tokenizer(JSON.parse(await readFile(path, 'utf8')), {});
  return (text) => {
    const { ids } = tokenizer.encode(text);
    return ids.length <= maxTokens ? ids : [...ids.slice(0, maxTokens - 1), ids[ids.length - 1]];
  };
}
