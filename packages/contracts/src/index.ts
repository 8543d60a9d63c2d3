/** What crosses a process boundary: schemas, ids and problems. Imports nothing of ours and does no I/O. */
export * from './clock.js';
export * from './errors.js';
export * from './ids.js';
export * from './schemas.js';
