/** Owns HTTP: authenticates, resolves the tenant, validates, calls a package, replies; refuses to train or to store. */
export { buildApp } from './app.js';
export type { ApiDeps, ApiSettings, PredictionEngine } from './ports.js';
