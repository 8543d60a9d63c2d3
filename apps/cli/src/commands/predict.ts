import { createInterface } from 'node:readline';
import type { PredictResponse } from '@scion/sdk';
import type { Context } from '../command.js';
import { connectTenant } from '../connection.js';
import { percent } from '../terminal/format.js';
import { bar } from '../terminal/progress-bar.js';
import { cut, oneLine, pad, widthOf } from '../terminal/width.js';
import { UserError } from '../user-error.js';

/** Rows of one request; standard input may hold any number. */
const batchRows = 64;

export async function run(context: Context): Promise<void> {
  const { input, terminal, signal } = context;
  const [task, user] = [input.arg('task'), input.arg('user')];
  const client = await connectTenant(context);
  let told = false;
  let asked = 0;
  for await (const inputs of batches(context)) {
    const answer = await client.predict({ task, user, inputs }, { signal });
    if (!told && !terminal.json) terminal.note(terminal.errorStyle.dim(sourceOf(answer)));
    told = true;
    asked += inputs.length;
    const { predictions, ...origin } = answer;
    for (const [at, prediction] of predictions.entries())
      terminal.event({ input: inputs[at], ...prediction, ...origin }, line(context, inputs[at]!, prediction));
  }
  if (asked === 0)
    throw new UserError('there is nothing to ask about', {
      hint: 'give texts as arguments, or lines on standard input',
    });
}

async function* batches({ input, stdin }: Context): AsyncGenerator<string[]> {
  const given = input.rest('text');
  if (given.length > 0) {
    for (let at = 0; at < given.length; at += batchRows) yield given.slice(at, at + batchRows);
    return;
  }
  if (stdin.isTTY) return;
  let batch: string[] = [];
  for await (const text of createInterface({ input: stdin, crlfDelay: Infinity })) {
    if (text.trim() !== '') batch.push(text);
    if (batch.length === batchRows) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

function sourceOf({ source, version, adapterSha256, baseSha256 }: PredictResponse): string {
  const base = `base ${baseSha256.slice(0, 12)}`;
  return source === 'model'
    ? `version ${version}, adapter ${adapterSha256?.slice(0, 12)}, ${base}`
    : `no model yet: guessed from the label names, ${base}`;
}

type AnyPrediction = PredictResponse['predictions'][number];

/** What an answer says and how sure it is, whatever the task's kind. */
function wordsOf(prediction: AnyPrediction): { said: string; unsure: boolean; share?: number } {
  if ('value' in prediction) return { said: prediction.value.toPrecision(4), unsure: false };
  if ('label' in prediction)
    return { said: prediction.label ?? '', unsure: prediction.abstained, share: prediction.probability };
  return {
    said: prediction.labels
      .map((label) => `${label} ${percent(prediction.probabilities[label] ?? 0)}`)
      .join(', '),
    unsure: prediction.abstained,
  };
}

function line({ terminal }: Context, text: string, prediction: AnyPrediction): string {
  const { style, columns } = terminal;
  const { said, unsure, share } = wordsOf(prediction);
  // A pipe gets tab-separated fields, which cut and awk understand.
  if (columns === undefined)
    return [
      unsure ? '' : oneLine(said),
      ...(share === undefined ? [] : [share.toFixed(4)]),
      oneLine(text),
    ].join('\t');
  const name = unsure ? 'unsure' : oneLine(said) || 'none';
  const width = share === undefined ? 32 : 18;
  const shown = pad(cut(name, width), width);
  const figure =
    share === undefined ? '' : `  ${pad(percent(share), 6, 'right')} ${style.cyan(bar(share, 10))}`;
  const room = columns - width - widthOf(figure) - 2;
  return `${unsure ? style.yellow(shown) : style.bold(shown)}${figure}  ${cut(oneLine(text), Math.max(10, room))}`;
}
