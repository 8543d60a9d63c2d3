import type { InferenceSession } from 'onnxruntime-node';

/**
 * Options of sessions that belong to one inference thread: threads run side by side, and two of one intra-op thread each get
 * half as much again done as one of two. Spinning would burn the other thread's core between runs.
 */
export const oneThread: InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  logSeverityLevel: 3,
  extra: { session: { 'intra_op.allow_spinning': '0', 'inter_op.allow_spinning': '0' } },
};
