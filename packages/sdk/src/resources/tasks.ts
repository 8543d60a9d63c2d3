import type { Page, Task, TaskSpec } from '@scion/contracts';
import { type PageOptions, type PagePromise, paged } from '../pages.js';
import { path } from '../path.js';
import type { CallOptions, Transport } from '../transport.js';

/** What is personalized; writing needs scope `admin`. */
export interface Tasks {
  /** Creates the task or replaces its settings. */
  put(task: string, spec: TaskSpec, options?: CallOptions): Promise<Task>;
  get(task: string, options?: CallOptions): Promise<Task>;
  list(page?: PageOptions, options?: CallOptions): PagePromise<Task>;
  delete(task: string, options?: CallOptions): Promise<void>;
}

export function createTasks({ request }: Transport): Tasks {
  return {
    put: (task, body, options) => request({ method: 'PUT', path: path`/v1/tasks/${task}`, body, options }),
    get: (task, options) => request({ method: 'GET', path: path`/v1/tasks/${task}`, options }),
    list: ({ cursor, limit } = {}, options) =>
      paged(
        (from) =>
          request<Page<Task>>({ method: 'GET', path: '/v1/tasks', query: { cursor: from, limit }, options }),
        cursor,
      ),
    delete: (task, options) => request({ method: 'DELETE', path: path`/v1/tasks/${task}`, options }),
  };
}
