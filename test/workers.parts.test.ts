// The parts of the supervisor and the workers that need no processes.
import { expect, test } from 'vitest';
import { TryLimits } from '../src/kernel/networks.ts';
import { maximumEnds, pauseMs } from '../src/workers/backOff.ts';
import { Reporting } from '../src/workers/reporting.ts';
import { TurnDesk } from '../src/workers/turnDesk.ts';

const settled = () => new Promise((resolve) => setImmediate(resolve));

const enter = (id: number, key = 'ada') => ({ kind: 'enter', id, turns: 'passwords', atOnce: 2, key }) as const;

test('turns are shared by all workers, and one that ends gives back its own, those it waited for among them', async () => {
  const desk = new TurnDesk<string>();
  const entered: string[] = [];
  const ask = (worker: string, id: number, key?: string) =>
    desk.enter(worker, enter(id, key), () => entered.push(`${worker} ${id}`));
  ask('a', 1);
  ask('a', 2);
  ask('a', 3);
  ask('b', 1);
  ask('b', 2, 'grace');
  await settled();
  expect(entered).toEqual(['a 1', 'a 2', 'b 2']);
  desk.leaveAll('a');
  await settled();
  expect(entered).toEqual(['a 1', 'a 2', 'b 2', 'b 1']);
  ask('c', 1);
  ask('c', 2);
  await settled();
  expect(entered.slice(4)).toEqual(['c 1']);
  desk.leave('b', 1);
  await settled();
  expect(entered.slice(4)).toEqual(['c 1', 'c 2']);
});

test('a try that one process tells of counts for the other, and one that is given back does not', () => {
  const now = new Date('2026-01-01T12:00:00Z');
  const [one, two] = [new TryLimits(10), new TryLimits(10)];
  one.onSpent = (key, tries) => two.noteSpent(key, tries, now);
  for (let n = 0; n < 10; n++) one.take('a', now);
  expect(() => two.take('a', now)).toThrow();
  one.giveBack('a', now);
  two.take('a', now);
  expect(() => two.take('a', now)).toThrow();
});

test('what a worker has told is kept when it ends, and nobody waits for its answer', async () => {
  const reporting = new Reporting();
  const report = (worker: number, count: number) => ({
    worker,
    calls: { rpc: count },
    connections: 0,
    residentBytes: 0,
    notices: {},
  });
  const both = await reporting.gather([1, 2], (worker, round) => reporting.reported(round, report(worker, worker)));
  expect(both).toMatchObject({ workers: [{ worker: 1 }, { worker: 2 }], calls: {}, ended: 0 });
  const gathered = reporting.gather([1, 2], (worker, round) => {
    if (worker === 1) reporting.reported(round, report(1, 5));
    else reporting.end(2, true);
  });
  expect(await gathered).toMatchObject({ workers: [{ worker: 1, calls: { rpc: 5 } }], calls: { rpc: 2 }, ended: 1 });
});

test('pauses grow, and end', () => {
  const pauses = Array.from({ length: maximumEnds + 1 }, (_, ends) => pauseMs(ends));
  expect(pauses).toEqual([0, 100, 200, 400, 800]);
});
