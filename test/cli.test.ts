// `npm run roster` as an operator types it, beside a service that runs.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createMachine } from './support/actors.ts';
import { roster, rosterHere } from './support/roster.ts';
import { scratch } from './support/scratch.ts';
import { startServer, type TestServer } from './support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});

const callWith = (token: string) => server.as(token).users.listUsers({});

test('a token is the owner’s or a named machine’s, works at once, stands in the list, and ends when it is removed', async () => {
  const ofOwner = await roster(server, 'token', 'create');
  expect(ofOwner).toEqual({ code: 0, said: expect.stringMatching(/^roster_pat_[\w-]{43}$/) });
  expect((await callWith(ofOwner.said)).result).not.toEqual([]);

  const username = 'The-Job';
  const userId = await createMachine(server, { username });
  const { said: token } = await rosterHere(server, ['token', 'create', '--user', userId, '--expires', '12h']);
  await callWith(token);
  const list = await rosterHere(server, ['token', 'list', '--user', ' the-job ']);
  expect(list).toEqual({ code: 0, said: expect.stringMatching(/^\d{18} {2}created \S+Z {2}expires \S+Z$/) });

  const id = list.said.slice(0, 18);
  expect(await rosterHere(server, ['token', 'remove', '--user', userId, '--id', id])).toEqual({
    code: 0,
    said: `The token ${id} has ended.`,
  });
  await expect(callWith(token)).rejects.toThrow('UNAUTHENTICATED');
  expect((await rosterHere(server, ['token', 'list', '--user', userId])).said).toBe('The user has no tokens.');
});

describe('is not done, and says why', () => {
  test('what it does not understand', async () => {
    for (const args of [['tokens'], ['token', 'create', '--for', 'ever'], ['token', 'create', '--expires', 'soon']]) {
      expect(await rosterHere(server, args)).toEqual({ code: 2, said: expect.stringMatching(/^Not done\. /) });
    }
  });

  test('half a command, with those that it may be', async () => {
    const said =
      'Not done. There is no command "token", but there is token create, token list, token remove. See: npm run roster -- help';
    expect(await roster(server, 'token')).toEqual({ code: 2, said });
  });

  test('a token for nobody', async () => {
    for (const command of ['create', 'list']) {
      const refused = { code: 2, said: expect.stringMatching(/^Not done\. There is no user "nobody-here"\./) };
      expect(await rosterHere(server, ['token', command, '--user', 'nobody-here'])).toEqual(refused);
    }
  });

  test('a token that no service would take, made under another master key', async () => {
    const refused = { code: 1, said: expect.stringMatching(/^Not done\. The database was written under another master key/) };
    expect(await rosterHere(server, ['token', 'create'], { ROSTER_MASTER_KEY: '0'.repeat(64) })).toEqual(refused);
  });

  test('anything with a key file that was cut short', async () => {
    const folder = await mkdtemp(join(scratch, 'roster-cli-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, 'master.key'), 'c0ffee\n');
    const refused = { code: 1, said: expect.stringMatching(/^Not done\. .*\n- .*master\.key holds no master key\./) };
    expect(await rosterHere(server, ['token', 'create'], { ROSTER_DATA: folder })).toEqual(refused);
  });
});
