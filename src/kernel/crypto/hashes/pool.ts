import { availableParallelism } from 'node:os';
import { createPool } from '../../pool.ts';
import { lowerPoolThreads } from './priority.ts';

/** Thrown instead of hashing when too many callers wait already; answered as RESOURCE_EXHAUSTED. */
export class HashingBusy extends Error {
  readonly retryAfterMs: number;

  constructor() {
    super('too many passwords are being hashed');
    this.name = 'HashingBusy';
    this.retryAfterMs = 1_000;
  }
}

/** Hashing uses every core, and leaves libuv's pool one thread to open files and compress. */
const libuvThreads = Number(process.env.UV_THREADPOOL_SIZE) || 4;
const concurrency = Math.max(1, Math.min(availableParallelism(), libuvThreads - 1));

/** With our own hashes a place in the queue is worth about 25 ms, so that the last in line waits under two seconds. */
export const waitingPerSlot = 64;

const poolFor = (workers: number) =>
  createPool(concurrency, Math.ceil((concurrency * waitingPerSlot) / workers), () => new HashingBusy());

let pool = poolFor(1);

/**
 * Divides the places in the queue between the processes that share the cores, so that its end is not further away. Each may
 * still hash on every core: callers of one connection all come to one of them.
 */
export function shareHashing(workers: number): void {
  pool = poolFor(workers);
}

/**
 * Hashing, on threads that give way to everything else the process does.
 * @throws HashingBusy
 */
export async function runInPool<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await pool(work);
  } finally {
    lowerPoolThreads();
  }
}
