import type { Compaction, Example, ExampleInput, ExamplesAppended, Page } from '@scion/contracts';
import { idOfText, randomId } from '../ids.js';
import { parseJson, toJson } from '../json.js';
import { type PageOptions, type PagePromise, paged } from '../pages.js';
import { path } from '../path.js';
import type { CallOptions, Transport } from '../transport.js';

/** Labelled examples of one user for one task; needs scope `train`. */
export interface Examples {
  /**
   * Stores at most 1000 examples. Those without an id are given one here, so that a repeated send cannot store an
   * example twice; the answer's `ids` names them. With an `idempotencyKey` of yours, the same call made again, by another
   * process and whenever, gives them the same ids.
   */
  append(
    task: string,
    user: string,
    examples: ExampleInput[],
    options?: CallOptions,
  ): Promise<ExamplesAppended>;
  list(task: string, user: string, page?: PageOptions, options?: CallOptions): PagePromise<Example>;
  /** Takes an example back; rejects with `example_not_found` when it is not there, or no longer. */
  delete(task: string, user: string, exampleId: string, options?: CallOptions): Promise<void>;
  /** Removes the text of deleted and replaced examples from the store at once; workers do it by themselves soon after. */
  compact(task: string, user: string, options?: CallOptions): Promise<Compaction>;
  /**
   * Every example, oldest first, read as it is consumed. A connection that breaks rejects with `network_error`: begin
   * again then.
   */
  export(task: string, user: string, options?: CallOptions): AsyncGenerator<Example>;
}

export function createExamples({ stream, request }: Transport): Examples {
  return {
    append: async (task, user, examples, options) =>
      request({
        method: 'POST',
        path: path`/v1/tasks/${task}/users/${user}/examples`,
        body: { examples: await withIds(examples, options?.idempotencyKey) },
        idempotent: true,
        options,
      }),
    list: (task, user, { cursor, limit } = {}, options) =>
      paged(
        (from) =>
          request<Page<Example>>({
            method: 'GET',
            path: path`/v1/tasks/${task}/users/${user}/examples`,
            query: { cursor: from, limit },
            options,
          }),
        cursor,
      ),
    delete: (task, user, exampleId, options) =>
      request({
        method: 'DELETE',
        path: path`/v1/tasks/${task}/users/${user}/examples/${exampleId}`,
        options,
      }),
    compact: (task, user, options) =>
      request({
        method: 'POST',
        path: path`/v1/tasks/${task}/users/${user}/examples/compact`,
        idempotent: true,
        options,
      }),
    export: (task, user, options) =>
      stream(
        { method: 'GET', path: path`/v1/tasks/${task}/users/${user}/examples/export`, options },
        readExamples,
      ),
  };
}

/** With a key, ids go by it and by what a row says: one that is used again for other rows replaces none of the first. */
function withIds(examples: ExampleInput[], key: string | undefined): Promise<ExampleInput[]> {
  return Promise.all(
    examples.map(async (example, row) => {
      if (example.id !== undefined) return example;
      const id = key === undefined ? randomId() : await idOfText(toJson([key, row, example]));
      return { ...example, id };
    }),
  );
}

/** One a line, each line ended: a rest without an end was cut, however quietly. */
async function* readExamples(response: Response): AsyncGenerator<Example> {
  if (!response.body) return;
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let rest = '';
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const lines = (rest + decoder.decode(part.value, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield parseJson(line, response) as Example;
    }
    if (rest !== '') throw new Error('the last line was cut');
  } finally {
    // Also when the caller stops early: the connection is not read to its end. Not awaited: a broken one may reject.
    reader.cancel().catch(() => {});
  }
}
