/** Owns the parts that tests stand on: a clock, a real Redis, a strict S3; refuses to be imported by production code. */
export { findRedisServer, startRedis, type TestRedis } from './redis.js';
export { createTestClock, type TestClock } from './test-clock.js';
