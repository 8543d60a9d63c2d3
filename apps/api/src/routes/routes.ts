import type { ApiDeps } from '../ports.js';
import type { App } from '../server.js';
import { listAudit } from './audit/list-audit.js';
import { appendExamples } from './examples/append-examples.js';
import { compactExamples } from './examples/compact-examples.js';
import { deleteExample } from './examples/delete-example.js';
import { exportExamples } from './examples/export-examples.js';
import { listExamples } from './examples/list-examples.js';
import { cancelJob } from './jobs/cancel-job.js';
import { createJob } from './jobs/create-job.js';
import { getJob } from './jobs/get-job.js';
import { listJobEvents } from './jobs/list-job-events.js';
import { listJobLogs } from './jobs/list-job-logs.js';
import { listJobs } from './jobs/list-jobs.js';
import { pauseJob } from './jobs/pause-job.js';
import { resumeJob } from './jobs/resume-job.js';
import { retryJob } from './jobs/retry-job.js';
import { createKey } from './keys/create-key.js';
import { deleteKey } from './keys/delete-key.js';
import { getKey } from './keys/get-key.js';
import { listKeys } from './keys/list-keys.js';
import { rotateKey } from './keys/rotate-key.js';
import { collectVersions } from './models/collect-versions.js';
import { getModel } from './models/get-model.js';
import { getVersion } from './models/get-version.js';
import { listModels } from './models/list-models.js';
import { listVersions } from './models/list-versions.js';
import { pinVersion } from './models/pin-version.js';
import { promoteVersion } from './models/promote-version.js';
import { rollbackModel } from './models/rollback-model.js';
import { unpinVersion } from './models/unpin-version.js';
import { predict } from './predictions/predict.js';
import { predictUsers } from './predictions/predict-users.js';
import { prefetchModels } from './predictions/prefetch-models.js';
import { getLive } from './service/get-live.js';
import { getMetrics } from './service/get-metrics.js';
import { getOverview } from './service/get-overview.js';
import { getProblem } from './service/get-problem.js';
import { getReady } from './service/get-ready.js';
import { getSystem } from './service/get-system.js';
import { listCaches } from './service/list-caches.js';
import { beginSession } from './session/begin-session.js';
import { endSession } from './session/end-session.js';
import { getSession } from './session/get-session.js';
import { deleteTask } from './tasks/delete-task.js';
import { getTask } from './tasks/get-task.js';
import { listTasks } from './tasks/list-tasks.js';
import { putTask } from './tasks/put-task.js';
import { createTenant } from './tenants/create-tenant.js';
import { getTenant } from './tenants/get-tenant.js';
import { listTenants } from './tenants/list-tenants.js';
import { putTenant } from './tenants/put-tenant.js';
import { getUsage } from './usage/get-usage.js';
import { eraseTaskUser } from './users/erase-task-user.js';
import { eraseUser } from './users/erase-user.js';
import { exportUser } from './users/export-user.js';
import { getErasure } from './users/get-erasure.js';
import { getSigningKey } from './users/get-signing-key.js';
import { importUser } from './users/import-user.js';
import { listErasures } from './users/list-erasures.js';
import { createWebhook } from './webhooks/create-webhook.js';
import { deleteWebhook } from './webhooks/delete-webhook.js';
import { enableWebhook } from './webhooks/enable-webhook.js';
import { getWebhook } from './webhooks/get-webhook.js';
import { listDeliveries } from './webhooks/list-deliveries.js';
import { listWebhooks } from './webhooks/list-webhooks.js';
import { pingWebhook } from './webhooks/ping-webhook.js';
import { replayDelivery } from './webhooks/replay-delivery.js';
import { rotateSecret } from './webhooks/rotate-secret.js';

/** Every route, in the order of the API reference. */
const routes: ((app: App, deps: ApiDeps) => void)[] = [
  beginSession,
  getSession,
  endSession,
  createTenant,
  listTenants,
  getTenant,
  putTenant,
  getUsage,
  listAudit,
  createKey,
  listKeys,
  getKey,
  rotateKey,
  deleteKey,
  putTask,
  getTask,
  listTasks,
  deleteTask,
  appendExamples,
  listExamples,
  exportExamples,
  deleteExample,
  compactExamples,
  createJob,
  listJobs,
  getJob,
  cancelJob,
  pauseJob,
  resumeJob,
  retryJob,
  listJobEvents,
  listJobLogs,
  predict,
  predictUsers,
  prefetchModels,
  listModels,
  getModel,
  listVersions,
  getVersion,
  rollbackModel,
  promoteVersion,
  pinVersion,
  unpinVersion,
  collectVersions,
  eraseUser,
  eraseTaskUser,
  exportUser,
  importUser,
  listErasures,
  getErasure,
  getSigningKey,
  createWebhook,
  listWebhooks,
  getWebhook,
  rotateSecret,
  pingWebhook,
  enableWebhook,
  deleteWebhook,
  listDeliveries,
  replayDelivery,
  getSystem,
  getOverview,
  listCaches,
  getLive,
  getReady,
  getMetrics,
  getProblem,
];

export function addRoutes(app: App, deps: ApiDeps): void {
  for (const add of routes) add(app, deps);
}
