import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { HashingBusy } from './pool.ts';
import type { Job } from './worker.ts';

/** The bounds keep every job to seconds: only a machine that has no time left comes here. */
const jobLimitMs = 60_000;

/** Threads outlive their jobs, and never keep the process alive without one. The pool's slots limit their number. */
const idle: Worker[] = [];

/** @throws HashingBusy when the time limit ended the job. */
export async function matchesInWorker(job: Job): Promise<boolean> {
  const worker = idle.pop() ?? new Worker(new URL('./worker.ts', import.meta.url), { execArgv: [] });
  const limit = AbortSignal.timeout(jobLimitMs);
  worker.ref();
  worker.postMessage(job);
  try {
    const [matches] = await once(worker, 'message', { signal: limit });
    worker.unref();
    idle.push(worker);
    return matches === true;
  } catch (error) {
    await worker.terminate();
    throw limit.aborted ? new HashingBusy() : error;
  }
}
