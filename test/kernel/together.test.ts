// Users that are asked for at once: in one statement for each token, and with what each would have been told alone.
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { AccessTokenType } from '../../gen/zitadel/user/v2/user_pb.ts';
import { byAccessToken } from '../../src/kernel/auth/accessTokens.ts';
import { authenticateTogether } from '../../src/kernel/auth/together.ts';
import { tokenHash } from '../../src/kernel/auth/tokens.ts';
import { createHuman, createMachine, tokenFor } from '../support/actors.ts';
import { createClient, tokenBySecret } from '../support/oauth.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let owner: Buffer;
let other: Buffer;

beforeAll(async () => {
  server = await startServer();
  for (const userId of ['ada', 'grace', 'joan']) await createHuman(server, { userId });
  owner = tokenHash(server.app.keys, server.token);
  other = tokenHash(server.app.keys, await tokenFor(server, await createMachine(server)));
});

beforeEach(() => {
  server.statements();
});

const find = (hash: Buffer, subject: string, time = epoch) => authenticateTogether(server.app.db, hash, time, subject);

test('what is asked at once is one statement with the answers that each would get alone', async () => {
  const ids = ['ada', 'nobody', 'grace', 'ada', 'joan', '', "';--", 'GRACE'];
  const together = await Promise.all(ids.map((id) => find(owner, id)));
  expect(server.statements()).toHaveLength(1);
  const alone = [];
  for (const id of ids) alone.push(await find(owner, id));
  expect(server.statements()).toHaveLength(ids.length);
  expect(together).toEqual(alone);
  expect(together.map((found) => found?.subject?.id)).toEqual([
    ...['ada', undefined, 'grace', 'ada', 'joan'],
    ...[undefined, undefined, undefined],
  ]);
});

test('each token asks by itself', async () => {
  const wrong = tokenHash(server.app.keys, 'wrong');
  const found = await Promise.all([owner, other, wrong, owner, other, wrong].map((hash) => find(hash, 'ada')));
  expect(server.statements()).toHaveLength(3);
  const [first, second] = found;
  expect(first?.caller.id).not.toBe(second?.caller.id);
  expect(first?.caller.everywhere.size).toBeGreaterThan(0);
  expect(second?.caller.everywhere.size).toBe(0);
  expect(found).toEqual([first, second, undefined, first, second, undefined]);
});

test('access tokens ask alike', async () => {
  const { userId, secret } = await createClient(server, AccessTokenType.BEARER);
  const access = tokenHash(server.app.keys, await tokenBySecret(server, userId, secret));
  server.statements();
  const ask = (subject: string) => authenticateTogether(server.app.db, access, epoch, subject, byAccessToken);
  const found = await Promise.all([ask('ada'), find(owner, 'ada'), ask('grace'), ask('nobody')]);
  expect(server.statements()).toHaveLength(2);
  expect(found.map((one) => one?.caller.id === userId)).toEqual([true, false, true, true]);
  expect(found.map((one) => one?.subject?.id)).toEqual(['ada', 'ada', 'grace', undefined]);
  expect(await ask('ada')).toEqual(found[0]);
});

test('a token that expires for one has expired for all', async () => {
  const never = new Date('9999-12-31T00:00:00Z');
  expect(await Promise.all([find(owner, 'ada'), find(owner, 'grace', never)])).toEqual([undefined, undefined]);
});

test('more than a hundred are several statements', async () => {
  const ids = Array.from({ length: 201 }, (_, n) => ['ada', 'grace', 'joan'][n % 3] ?? '');
  const found = await Promise.all(ids.map((id) => find(owner, id)));
  expect(server.statements()).toHaveLength(3);
  expect(found.map((one) => one?.subject?.id)).toEqual(ids);
});
