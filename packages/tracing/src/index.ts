/** Owns OpenTelemetry: spans of requests and jobs, sent to a collector. Refuses anything that says who or what they were about. */
export { startTracing, type Tracing } from './start-tracing.js';
