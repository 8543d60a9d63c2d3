/** Owns the parts that tests stand on: a clock, a real Redis, a strict S3; refuses to be imported by production code. */
export { findRedisServer, startRedis, type TestRedis } from './redis.js';
export { type S3Fault, startS3, type TestS3, type TestS3Options } from './s3/start-s3.js';
export { createTestClock, type TestClock } from './test-clock.js';
