import { expect, test } from 'vitest';
import { Ids } from '../../src/kernel/ids.ts';

const at = (iso: string) => () => new Date(iso);

test('are 18 digits, as long as this century is young', () => {
  for (const time of ['2026-01-01T00:00:00Z', '2051-01-01T00:00:00Z'])
    expect(new Ids(7, at(time)).next()).toMatch(/^[1-9]\d{17}$/);
});

test('rise with time', () => {
  let now = new Date('2026-01-01T00:00:00Z');
  const ids = new Ids(999, () => now);
  const first = ids.next();
  now = new Date(now.getTime() + 1);
  expect(new Ids(0, () => now).next() > first).toBe(true);
});

test('rise and differ within one millisecond, however many there are', () => {
  const ids = new Ids(1, at('2026-01-01T00:00:00Z'));
  const made = Array.from({ length: 5000 }, () => ids.next());
  expect(made).toEqual([...made].sort());
  expect(new Set(made).size).toBe(made.length);
});

test('rise and differ when the clock goes back', () => {
  let now = new Date('2026-01-01T00:00:00Z');
  const ids = new Ids(1, () => now);
  const made = [ids.next(), ids.next()];
  now = new Date('2025-12-31T23:59:59Z');
  made.push(ids.next(), ids.next());
  now = new Date('2026-01-01T00:00:00Z');
  made.push(ids.next());
  expect(made).toEqual([...made].sort());
  expect(new Set(made).size).toBe(made.length);
});

test('of two processes never meet, also where one has given out more than fit a millisecond', () => {
  const one = new Ids(1, at('2026-01-01T00:00:00Z'));
  const other = new Ids(2, at('2026-01-01T00:00:00Z'));
  const made = Array.from({ length: 2500 }, () => [one.next(), other.next()]).flat();
  expect(new Set(made).size).toBe(made.length);
});

test('carry the process number modulo a thousand', () => {
  const clock = at('2026-01-01T00:00:00Z');
  expect(new Ids(1234, clock).next()).toBe(new Ids(234, clock).next());
});
