/** Limits that every Scion shares. Quotas of one tenant are lower, never higher. */
export const limits = {
  /** A user id is the tenant's own opaque string: any UTF-8 up to this many bytes, except `.` and `..`. */
  userBytes: 256,
  exampleIdChars: 128,
  /** Characters of one text. The base truncates at its own token limit long before. */
  textChars: 20_000,
  labelChars: 200,
  labelsPerTask: 500,
  /** Size of a regression's value: what is computed of it stays far within float32. */
  regressionValue: 1e30,
  /** Of a LoRA adapter; a batch computes with the largest rank in it. */
  loraRank: 64,
  examplesPerRequest: 1_000,
  examplesPerModel: 20_000,
  predictRowsPerRequest: 256,
  predictUsersPerRequest: 1_000,
  /** Inputs times users of one request. */
  predictUserRowsPerRequest: 4_000,
  bodyBytes: 8 * 1024 * 1024,
  /** Of an exported user; it is checked in memory before anything is stored. */
  archiveBytes: 128 * 1024 * 1024,
  pageSize: 100,
  webhooksPerTenant: 20,
  /** Attempts that a webhook’s log keeps, the newest, for so many days. */
  deliveriesPerWebhook: 1_000,
  deliveryDays: 30,
} as const;
