import type { ApiDeps } from '../ports.js';
import type { App } from '../server.js';
import { appendExamples } from './append-examples/append-examples.js';
import { cancelJob } from './cancel-job/cancel-job.js';
import { createJob } from './create-job/create-job.js';
import { createKey } from './create-key/create-key.js';
import { createTenant } from './create-tenant/create-tenant.js';
import { createWebhook } from './create-webhook/create-webhook.js';
import { deleteKey } from './delete-key/delete-key.js';
import { deleteTask } from './delete-task/delete-task.js';
import { deleteWebhook } from './delete-webhook/delete-webhook.js';
import { getJob } from './get-job/get-job.js';
import { getLive } from './get-live/get-live.js';
import { getMetrics } from './get-metrics/get-metrics.js';
import { getModel } from './get-model/get-model.js';
import { getProblem } from './get-problem/get-problem.js';
import { getReady } from './get-ready/get-ready.js';
import { getSystem } from './get-system/get-system.js';
import { getTask } from './get-task/get-task.js';
import { getTenant } from './get-tenant/get-tenant.js';
import { getVersion } from './get-version/get-version.js';
import { listDeliveries } from './list-deliveries/list-deliveries.js';
import { listExamples } from './list-examples/list-examples.js';
import { listJobEvents } from './list-job-events/list-job-events.js';
import { listJobs } from './list-jobs/list-jobs.js';
import { listKeys } from './list-keys/list-keys.js';
import { listModels } from './list-models/list-models.js';
import { listTasks } from './list-tasks/list-tasks.js';
import { listTenants } from './list-tenants/list-tenants.js';
import { listVersions } from './list-versions/list-versions.js';
import { listWebhooks } from './list-webhooks/list-webhooks.js';
import { predict } from './predict/predict.js';
import { putTask } from './put-task/put-task.js';
import { rollbackModel } from './rollback-model/rollback-model.js';

/** Every route, in the order of the API reference. */
const routes: ((app: App, deps: ApiDeps) => void)[] = [
  createTenant,
  listTenants,
  getTenant,
  createKey,
  listKeys,
  deleteKey,
  putTask,
  getTask,
  listTasks,
  deleteTask,
  appendExamples,
  listExamples,
  createJob,
  listJobs,
  getJob,
  cancelJob,
  listJobEvents,
  predict,
  listModels,
  getModel,
  listVersions,
  getVersion,
  rollbackModel,
  createWebhook,
  listWebhooks,
  deleteWebhook,
  listDeliveries,
  getSystem,
  getLive,
  getReady,
  getMetrics,
  getProblem,
];

export function addRoutes(app: App, deps: ApiDeps): void {
  for (const add of routes) add(app, deps);
}
