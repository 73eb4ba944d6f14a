import { Code, ConnectError } from '@connectrpc/connect';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RetryInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { refillSeconds, TryLimits } from '../../src/kernel/networks.ts';

const at = (ms: number) => new Date(1_767_268_800_000 + ms);

/** Milliseconds to wait, or undefined when the try was let through. */
function attempt(limits: TryLimits, network: string | undefined, ms: number): number | undefined {
  try {
    limits.take(network, at(ms));
    return undefined;
  } catch (thrown) {
    const error = ConnectError.from(thrown);
    expect(error.code).toBe(Code.ResourceExhausted);
    const [delay] = error.findDetails(RetryInfoSchema).map(({ retryDelay }) => retryDelay);
    return Number(delay?.seconds) * 1000 + Number(delay?.nanos) / 1e6;
  }
}

const passes = (limits: TryLimits, network: string | undefined, ms: number) => attempt(limits, network, ms) === undefined;
const spend = (limits: TryLimits, network: string, tries: number) => {
  for (let n = 0; n < tries; n++) expect(passes(limits, network, 0)).toBe(true);
};

test('a network has as many wrong tries as it was given, then one at a time', () => {
  const limits = new TryLimits(100);
  spend(limits, 'a', 100);
  expect(attempt(limits, 'a', 0)).toBe(1000);
  expect(attempt(limits, 'a', 400)).toBe(600);
  expect(attempt(limits, 'a', 999)).toBe(1);
  expect(passes(limits, 'a', 1000)).toBe(true);
  expect(passes(limits, 'a', 1000)).toBe(false);
  expect(passes(limits, 'b', 0)).toBe(true);
});

test('all come back in the time that is told, and no more than all', () => {
  const limits = new TryLimits(20);
  spend(limits, 'a', 20);
  const later = refillSeconds * 1000;
  for (let n = 0; n < 20; n++) expect(passes(limits, 'a', 3 * later)).toBe(true);
  expect(passes(limits, 'a', 3 * later)).toBe(false);
});

test('what was right costs nothing, and earns nothing', () => {
  const limits = new TryLimits(10);
  for (let n = 0; n < 100; n++) {
    expect(passes(limits, 'a', 0)).toBe(true);
    limits.giveBack('a', at(0));
  }
  limits.giveBack('a', at(0));
  spend(limits, 'a', 10);
  expect(passes(limits, 'a', 0)).toBe(false);
});

test('the command line has no network and no limit', () => {
  const limits = new TryLimits(10);
  for (let n = 0; n < 100; n++) expect(passes(limits, undefined, 0)).toBe(true);
});

test('a clock that goes back gives nothing twice', () => {
  const limits = new TryLimits(10);
  for (let n = 0; n < 10; n++) expect(passes(limits, 'a', 1_000)).toBe(true);
  expect(attempt(limits, 'a', 0)).toBe(11_000);
  expect(passes(limits, 'a', 1_000)).toBe(false);
  expect(passes(limits, 'a', 11_000)).toBe(true);
  expect(passes(limits, 'a', 11_000)).toBe(false);
});

test('a clock that was far ahead and is set right makes nobody wait for the difference', () => {
  const limits = new TryLimits(10);
  for (let n = 0; n < 10; n++) passes(limits, 'a', 3_600_000);
  spend(limits, 'a', 10);
  expect(passes(limits, 'a', 0)).toBe(false);
});

test('of too many networks the ones that tried least lately are forgotten', () => {
  const limits = new TryLimits(10);
  spend(limits, 'busy', 10);
  spend(limits, 'quiet', 10);
  for (let n = 0; n < 9_998; n++) limits.take(`other ${n}`, at(0));
  expect(passes(limits, 'quiet', 0)).toBe(false);
  // Who keeps trying is remembered.
  limits.giveBack('busy', at(0));
  limits.take('busy', at(0));
  limits.take('one more', at(0));
  expect(passes(limits, 'busy', 0)).toBe(false);
  expect(passes(limits, 'quiet', 0)).toBe(true);
});

test('however tries fall, no more are let through than the burst and what came back, and a wait told is true', () => {
  const steps = fc.array(fc.record({ wait: fc.integer({ min: 0, max: 5_000 }), right: fc.boolean() }), { maxLength: 300 });
  fc.assert(
    fc.property(fc.integer({ min: 10, max: 50 }), steps, (burst, tries) => {
      const limits = new TryLimits(burst);
      let ms = 0;
      let wrong = 0;
      for (const { wait, right } of tries) {
        ms += wait;
        const told = attempt(limits, 'a', ms);
        if (told !== undefined) {
          expect(told).toBeGreaterThan(0);
          ms += told;
          expect(passes(limits, 'a', ms)).toBe(true);
        }
        if (right) limits.giveBack('a', at(ms));
        else wrong++;
        expect(wrong).toBeLessThanOrEqual(burst + (ms / 1000) * (burst / refillSeconds) + 1e-6);
      }
    }),
  );
});
