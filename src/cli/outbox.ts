import type { Writable } from 'node:stream';
import { styleText } from 'node:util';
import { type Listed, listLetters, removeLetters, retryLetters } from '../kernel/outbox/letters.ts';
import { type Command, type Given, type Operator, Usage } from './command.ts';

const id = { value: 'ID', help: 'which one, from "outbox list"' };

export const outboxCommands: readonly Command[] = [
  {
    name: 'outbox list',
    help: 'messages that wait to leave and those that were given up: whom to, how often tried, what failed',
    options: { dead: { help: 'only those that were given up' } },
    run: list,
  },
  {
    name: 'outbox retry',
    help: 'send messages again that were given up, or one that waits, now',
    options: { id, 'all-dead': { help: 'all that were given up' } },
    run: retry,
  },
  {
    name: 'outbox remove',
    help: 'drop a message, or all that were given up',
    options: { id, 'all-dead': { help: 'all that were given up' } },
    run: remove,
  },
];

/** More than anybody reads; older ones come first. */
const maximumListed = 1000;

async function list({ open, stdout, print }: Operator, { dead }: Given): Promise<number> {
  const app = await open();
  const letters = await listLetters(app, { dead: dead !== undefined, limit: maximumListed });
  if (letters.length === 0) print(dead === undefined ? 'The outbox is empty.' : 'No message was given up.');
  for (const letter of letters) print(lineOf(letter, app.clock(), stdout));
  if (letters.length === maximumListed) print(`These are the oldest ${maximumListed}.`);
  return 0;
}

function lineOf(letter: Listed, now: Date, stdout: Writable): string {
  const { id, kind, channel, to, createdAt, attempts, dueAt, deadAt, failure } = letter;
  const state = deadAt
    ? styleText('red', `given up ${deadAt.toISOString()}`, { stream: stdout })
    : dueAt <= now
      ? 'due now'
      : `next try ${dueAt.toISOString()}`;
  const facts = [
    `${id}`,
    kind,
    channel,
    to ?? '(sealed under another key)',
    `${age(now.getTime() - createdAt.getTime())} old`,
    attempts === 1 ? '1 attempt' : `${attempts} attempts`,
    state,
    ...(failure === null ? [] : [failure]),
  ];
  return facts.join('  ');
}

const units = [
  { ms: 86_400_000, name: 'd' },
  { ms: 3_600_000, name: 'h' },
  { ms: 60_000, name: 'min' },
];

/** The largest unit that fits: 3 d, 5 h, 12 min, 40 s. */
export function age(ms: number): string {
  const unit = units.find((unit) => ms >= unit.ms) ?? { ms: 1000, name: 's' };
  return `${Math.max(0, Math.floor(ms / unit.ms))} ${unit.name}`;
}

async function retry({ open, print }: Operator, { id, 'all-dead': allDead }: Given): Promise<number> {
  const which = chosen(id, allDead);
  const count = await retryLetters(await open(), which);
  if (count === 0 && id !== undefined) {
    print(`There is no message ${id} that could be sent: it has left, was removed, or its code has expired.`);
    return 1;
  }
  print(count === 1 ? '1 message is sent again.' : `${count} messages are sent again.`);
  return 0;
}

async function remove({ open, print }: Operator, { id, 'all-dead': allDead }: Given): Promise<number> {
  const which = chosen(id, allDead);
  const count = await removeLetters(await open(), which);
  if (count === 0 && id !== undefined) {
    print(`There is no message ${id}.`);
    return 1;
  }
  print(count === 1 ? '1 message is removed.' : `${count} messages are removed.`);
  return 0;
}

function chosen(id: string | undefined, allDead: string | undefined): bigint | 'dead' {
  if ((id === undefined) === (allDead === undefined)) throw new Usage('Say which: --id ID, or --all-dead.');
  if (id === undefined) return 'dead';
  if (!/^\d{1,18}$/.test(id)) throw new Usage(`--id ${id}: write the number from "outbox list".`);
  return BigInt(id);
}
