// Slices of load on one target, taken in alternation with another, so that noise of the machine falls on both.
import type { Asked, Checked } from './calls.ts';
import type { Cpu, Target } from './service.ts';

export interface Sample {
  requests: number;
  seconds: number;
  /** Milliseconds of each request, in no order. */
  latencies: number[];
  cpu: Cpu;
  /** Bytes: the most that the server had in memory. */
  memory: number;
}

/** What is asked of a target: for one of `users` users at a time. */
export interface Work {
  target: Target;
  users: number;
  of: Asked;
}

const memoryPollMs = 50;
const roundsOfCase = 2;
const roundsOfComparison = 5;
const warming = { callers: 16, seconds: 1 };

/** Asks for a few and looks at the answers, then warms up what will answer. */
export async function warmUp(work: Work & { of: Checked }, seconds: number = warming.seconds): Promise<void> {
  const callers = work.of.open(work.target, 1);
  for (const n of [0, Math.floor(work.users / 2), work.users - 1]) work.of.verify(await callers.call(n, true), n);
  callers.close();
  await slice(work, warming.callers, seconds);
}

/** A work beside the bare server: `seconds` for each of the two. */
export async function besideBare(
  work: Work,
  bare: Work,
  callers: number,
  seconds: number,
): Promise<{ own: Sample; bare: Sample }> {
  const [own, least] = await alternate([work, bare], callers, seconds, roundsOfCase);
  return { own, bare: least };
}

/** The same on two targets: `seconds` for each of the two. */
export const compare = (works: readonly [Work, Work], callers: number, seconds: number) =>
  alternate(works, callers, seconds, roundsOfComparison);

/** First one, second one, second one, first one, and so on: a trend cancels out. */
async function alternate(
  [first, second]: readonly [Work, Work],
  callers: number,
  seconds: number,
  rounds: number,
): Promise<[Sample, Sample]> {
  const samples: [Sample[], Sample[]] = [[], []];
  const part = seconds / rounds;
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) samples[0].push(await slice(first, callers, part));
    samples[1].push(await slice(second, callers, part));
    if (round % 2 === 1) samples[0].push(await slice(first, callers, part));
  }
  return [merged(samples[0]), merged(samples[1])];
}

export async function slice({ target, users, of }: Work, callers: number, seconds: number): Promise<Sample> {
  const { call, close } = of.open(target, callers);
  const latencies: number[] = [];
  let memory = target.memory();
  const watch = setInterval(() => {
    memory = Math.max(memory, target.memory());
  }, memoryPollMs);
  const before = target.cpu();
  const started = performance.now();
  const caller = async () => {
    for (let now = performance.now(); now - started < seconds * 1000; ) {
      await call(Math.floor(Math.random() * users));
      const answered = performance.now();
      latencies.push(answered - now);
      now = answered;
    }
  };
  try {
    await Promise.all(Array.from({ length: callers }, caller));
    const elapsed = (performance.now() - started) / 1000;
    return { requests: latencies.length, seconds: elapsed, latencies, cpu: difference(target.cpu(), before), memory };
  } finally {
    clearInterval(watch);
    close();
  }
}

const difference = (after: Cpu, before: Cpu): Cpu => ({
  server: after.server - before.server,
  postgres: after.postgres - before.postgres,
});

export const merged = (samples: readonly Sample[]): Sample => ({
  requests: sum(samples.map(({ requests }) => requests)),
  seconds: sum(samples.map(({ seconds }) => seconds)),
  latencies: samples.flatMap(({ latencies }) => latencies),
  cpu: { server: sum(samples.map(({ cpu }) => cpu.server)), postgres: sum(samples.map(({ cpu }) => cpu.postgres)) },
  memory: Math.max(...samples.map(({ memory }) => memory)),
});

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

/** Milliseconds that `share` of the requests stayed within. */
export function percentile({ latencies }: Sample, share: number): number {
  const sorted = latencies.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Milliseconds of CPU per request. */
export const perRequest = ({ cpu, requests }: Sample): Cpu => ({
  server: cpu.server / requests,
  postgres: cpu.postgres / requests,
});
