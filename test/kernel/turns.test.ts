import { expect, test } from 'vitest';
import { Turns } from '../../src/kernel/turns.ts';

/** Work that ends when it is told to. */
function pending() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const state = { begun: false };
  const work = () => {
    state.begun = true;
    return promise;
  };
  return { state, work, resolve, reject };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('no more than so many run at once on one key, the others in their order', async () => {
  const turns = new Turns(2);
  const works = [pending(), pending(), pending(), pending()] as const;
  const results = works.map(({ work }) => turns.take('ada', work));
  const begun = async () => {
    await settled();
    return works.map(({ state }) => state.begun);
  };
  expect(await begun()).toEqual([true, true, false, false]);
  works[1].resolve('second');
  expect(await begun()).toEqual([true, true, true, false]);
  works[0].resolve('first');
  expect(await begun()).toEqual([true, true, true, true]);
  works[2].resolve('third');
  works[3].resolve('fourth');
  expect(await Promise.all(results)).toEqual(['first', 'second', 'third', 'fourth']);
});

test('keys do not wait for each other', async () => {
  const turns = new Turns(1);
  const slow = pending();
  const waiting = turns.take('ada', slow.work);
  expect(await turns.take('bob', async () => 'done')).toBe('done');
  slow.resolve('late');
  await waiting;
});

test('work that fails hands its turn on', async () => {
  const turns = new Turns(1);
  const failing = pending();
  const failed = turns.take('ada', failing.work);
  const next = turns.take('ada', async () => 'done');
  failing.reject(new Error('broken'));
  await expect(failed).rejects.toThrow('broken');
  expect(await next).toBe('done');
  expect(await turns.take('ada', async () => 'again')).toBe('again');
});
