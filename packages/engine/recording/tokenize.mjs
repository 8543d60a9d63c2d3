// Prints the token ids of the lines on stdin as JSON, one list a line, cut to argv[3] tokens as the engine cuts them.
// node tokenize.mjs <tokenizer.json> <max tokens> < texts.jsonl
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Tokenizer } from '@huggingface/tokenizers';

const tokenizer = new Tokenizer(JSON.parse(readFileSync(process.argv[2], 'utf8')), {});
const maxTokens = Number(process.argv[3]);
for await (const line of createInterface({ input: process.stdin })) {
  const { ids } = tokenizer.encode(JSON.parse(line));
  console.log(JSON.stringify(ids.length > maxTokens ? [...ids.slice(0, maxTokens - 1), ids.at(-1)] : ids));
}
