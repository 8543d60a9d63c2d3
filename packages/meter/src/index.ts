/** Counts what the service does, in Redis by the minute and over all processes; decides nothing and bills nobody. */

export { createMeter, type Meter, type MeterOptions } from './create-meter.js';
export type { ProcessState, RunningJob } from './presence.js';
export type { CountedUsage } from './usage.js';
