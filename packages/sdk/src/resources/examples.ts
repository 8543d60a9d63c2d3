import type { Example, ExampleInput, ExamplesAppended, Page } from '@scion/contracts';
import { type PageOptions, type PagePromise, paged } from '../pages.js';
import { path } from '../path.js';
import type { CallOptions, Transport } from '../transport.js';

/** Labelled examples of one user for one task; needs scope `train`. */
export interface Examples {
  /**
   * Stores at most 1000 examples. Those without an id are given one here, so that a repeated send cannot store an
   * example twice; the answer's `ids` names them.
   */
  append(
    task: string,
    user: string,
    examples: ExampleInput[],
    options?: CallOptions,
  ): Promise<ExamplesAppended>;
  list(task: string, user: string, page?: PageOptions, options?: CallOptions): PagePromise<Example>;
}

export function createExamples({ request }: Transport): Examples {
  return {
    append: (task, user, examples, options) =>
      request({
        method: 'POST',
        path: path`/v1/tasks/${task}/users/${user}/examples`,
        body: { examples: examples.map((example) => ({ ...example, id: example.id ?? newExampleId() })) },
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
  };
}

/** 128 random bits. Not `randomUUID`, which browsers offer on HTTPS only. */
function newExampleId(): string {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
