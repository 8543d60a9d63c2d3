import type * as contracts from '@scion/contracts';
import type { Collection, Model, ModelSummary, ModelVersion, Page } from '@scion/contracts';
import { type PageOptions, type PagePromise, paged, type Query } from '../pages.js';
import { path } from '../path.js';
import type { CallOptions, Transport } from '../transport.js';

export type ModelsQuery = Query<contracts.ModelsQuery>;

/** Trained models and their versions; needs scope `train`. */
export interface Models {
  /** Each with its live version and last job; an operator's client without a tenant lists those of all. */
  list(query?: ModelsQuery, options?: CallOptions): PagePromise<ModelSummary>;
  get(task: string, user: string, options?: CallOptions): Promise<Model>;
  versions(task: string, user: string, page?: PageOptions, options?: CallOptions): PagePromise<ModelVersion>;
  version(task: string, user: string, version: number, options?: CallOptions): Promise<ModelVersion>;
  /**
   * Makes an earlier version live; without a number, the one that was live before. A repetition after a lost answer goes
   * by its idempotency key, so that it does not go back twice.
   */
  rollback(task: string, user: string, version?: number, options?: CallOptions): Promise<Model>;
  /** Makes a version live whatever the gate said of it. */
  promote(task: string, user: string, version: number, options?: CallOptions): Promise<Model>;
  /** Keeps a version for good and, while it is live, jobs from replacing it. */
  pin(task: string, user: string, version: number, options?: CallOptions): Promise<ModelVersion>;
  unpin(task: string, user: string, version: number, options?: CallOptions): Promise<ModelVersion>;
  /** Removes what the task's retention no longer keeps; workers do the same after each job. */
  collect(task: string, user: string, options?: CallOptions): Promise<Collection>;
}

export function createModels({ request }: Transport): Models {
  return {
    list: ({ cursor, ...query } = {}, options) =>
      paged(
        (from) =>
          request<Page<ModelSummary>>({
            method: 'GET',
            path: '/v1/models',
            query: { ...query, cursor: from },
            options,
          }),
        cursor,
      ),
    get: (task, user, options) =>
      request({ method: 'GET', path: path`/v1/tasks/${task}/users/${user}/model`, options }),
    versions: (task, user, { cursor, limit } = {}, options) =>
      paged(
        (from) =>
          request<Page<ModelVersion>>({
            method: 'GET',
            path: path`/v1/tasks/${task}/users/${user}/versions`,
            query: { cursor: from, limit },
            options,
          }),
        cursor,
      ),
    version: (task, user, version, options) =>
      request({
        method: 'GET',
        path: path`/v1/tasks/${task}/users/${user}/versions/${version}`,
        options,
      }),
    promote: (task, user, version, options) =>
      request({
        method: 'POST',
        path: path`/v1/tasks/${task}/users/${user}/promote`,
        body: { version },
        idempotent: true,
        options,
      }),
    pin: (task, user, version, options) =>
      request({
        method: 'PUT',
        path: path`/v1/tasks/${task}/users/${user}/versions/${version}/pin`,
        options,
      }),
    unpin: (task, user, version, options) =>
      request({
        method: 'DELETE',
        path: path`/v1/tasks/${task}/users/${user}/versions/${version}/pin`,
        options,
      }),
    collect: (task, user, options) =>
      request({
        method: 'POST',
        path: path`/v1/tasks/${task}/users/${user}/collect`,
        idempotent: true,
        options,
      }),
    rollback: (task, user, version, options) =>
      request({
        method: 'POST',
        path: path`/v1/tasks/${task}/users/${user}/rollback`,
        body: version === undefined ? {} : { version },
        idempotent: version !== undefined,
        options,
      }),
  };
}
