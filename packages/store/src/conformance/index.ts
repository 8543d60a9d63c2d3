import type { Test } from 'tap';
import { contentSuite } from './content-suite.js';
import { listingSuite } from './listing-suite.js';
import { modelSuite } from './model-suite.js';
import type { StoreConformanceOptions } from './under-test.js';

export type { StoreConformanceOptions, StoreUnderTest } from './under-test.js';

/** What every store promises (see ObjectStore), as tap tests below `t`. */
export async function storeConformance(t: Test, options: StoreConformanceOptions): Promise<void> {
  await contentSuite(t, options);
  await listingSuite(t, options);
  await modelSuite(t, options);
}
