import { expect, test } from 'vitest';
import { pageOf } from '../../src/kernel/paging.ts';
import { brokenFields, outcome } from '../support/errors.ts';

const page = async (limit: number, offset = 0n) => pageOf({ offset, limit, asc: true }, 'query');

test('a list gives a hundred entries, newest first, unless told otherwise', () => {
  const unasked = { offset: 0, limit: 100, ascending: false };
  expect(pageOf(undefined, 'query')).toEqual(unasked);
  expect(pageOf({ offset: 0n, limit: 0, asc: false }, 'query')).toEqual(unasked);
});

test('a page is what was asked for', async () => {
  expect(await page(1000, 17n)).toEqual({ offset: 17, limit: 1000, ascending: true });
});

test('more than a thousand at once are refused', async () => {
  expect(await outcome(page(1001))).toBe('InvalidArgument LIMIT_TOO_LARGE');
  expect(await brokenFields(page(2 ** 32 - 1))).toEqual(['query.limit']);
});

test('an offset beyond every list is a number that Postgres takes', async () => {
  const { offset } = await page(1, 2n ** 64n - 1n);
  expect(Number.isSafeInteger(offset)).toBe(true);
});
