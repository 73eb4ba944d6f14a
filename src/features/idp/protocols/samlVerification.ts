// Owns: the thread that verifies signatures of SAML, one response after the other.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Turns } from '../../../kernel/turns.ts';
import { ProviderRefusal } from '../identity.ts';
import type { Job, Verdict } from './samlVerifier.ts';

/** The bounds of what is read keep a job far below it: only a machine that has no time left comes here. */
const jobLimitMs = 10_000;
/** After which the thread gives its memory back, some 40 MB. */
const idleMs = 5 * 60_000;
/** People who wait; a sign-in takes milliseconds. */
const maximumWaiting = 100;

const turns = new Turns(1);
let waiting = 0;
let idle: Worker | undefined;
let end: NodeJS.Timeout | undefined;

/** @throws ProviderRefusal `temporarily_unavailable` when too many wait, or the time limit ended the job. */
export async function verdictOn(job: Job): Promise<Verdict> {
  if (waiting === maximumWaiting) throw busy();
  waiting++;
  try {
    return await turns.take('', () => judge(job));
  } finally {
    waiting--;
  }
}

/** The thread never keeps the process alive without a job. */
async function judge(job: Job): Promise<Verdict> {
  const worker = idle ?? new Worker(new URL('./samlVerifier.ts', import.meta.url), { execArgv: [] });
  idle = undefined;
  clearTimeout(end);
  const limit = AbortSignal.timeout(jobLimitMs);
  worker.ref();
  worker.postMessage(job);
  try {
    const [verdict]: Verdict[] = await once(worker, 'message', { signal: limit });
    if (verdict === undefined) throw new Error('the thread said nothing');
    worker.unref();
    idle = worker;
    end = setTimeout(() => {
      idle = undefined;
      void worker.terminate();
    }, idleMs).unref();
    return verdict;
  } catch (error) {
    await worker.terminate();
    throw limit.aborted ? busy(error) : error;
  }
}

const busy = (cause?: unknown) => new ProviderRefusal('temporarily_unavailable', 'too many sign-ins are under way', { cause });
