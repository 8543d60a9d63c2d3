/** What calls of the engine take and give. */

export interface LabelProbabilities {
  /** Of a regression none. */
  labels: string[];
  /** rows × labels; of a regression a value for each row. */
  probabilities: Float32Array;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
}

export interface PredictOptions extends CallOptions {
  /** A job asks, not a caller: its rows wait behind predictions, for as long as it takes. Default: beyond 512 rows. */
  bulk?: boolean | undefined;
}

/** Calls on behalf of a tenant share its part of the threads and its entries of the trunk cache. */
export interface TenantCall extends CallOptions {
  tenantId?: string | undefined;
}
