import type { ThreadPool } from '../thread/pool.js';

/** What the scheduler needs of the threads. */
export type Threads = Pick<ThreadPool, 'size' | 'idle' | 'run'>;
