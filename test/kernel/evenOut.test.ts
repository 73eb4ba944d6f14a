import { expect, test } from 'vitest';
import { restOfStep, stepMs } from '../../src/kernel/evenOut.ts';

test('whatever work took, it ends with a step: what cost more and what cost less are told at one time', () => {
  for (const taken of [1, 34.5, 120, stepMs - 0.1]) expect(taken + restOfStep(taken)).toBeCloseTo(stepMs);
  expect(restOfStep(stepMs)).toBe(0);
  expect(stepMs + 1 + restOfStep(stepMs + 1)).toBeCloseTo(2 * stepMs);
});
