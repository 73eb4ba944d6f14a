// Users that are asked for at once: in one statement for each token, and with what each would have been told alone.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AccessTokenType } from '../../gen/zitadel/user/v2/user_pb.ts';
import { findSession } from '../../src/features/session/repository.ts';
import { authenticate } from '../../src/kernel/auth/authenticate.ts';
import { together } from '../../src/kernel/together.ts';
import { createHuman, createMachine, tokenFor } from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { createClient, tokenBySecret } from '../support/oauth.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';
import { createPerson } from '../support/sessions.ts';

let server: TestServer;
let owner: string;
let other: string;

beforeAll(async () => {
  server = await startServer();
  for (const userId of ['ada', 'grace', 'joan']) await createHuman(server, { userId });
  owner = server.token;
  other = await tokenFor(server, await createMachine(server));
});

beforeEach(() => {
  server.statements();
});

const find = (token: string, subject: string | undefined, time = epoch) => authenticate(server.app, { token, time, subject });

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
  const wrong = 'wrong';
  const found = await Promise.all([owner, other, wrong, owner, other, wrong].map((token) => find(token, 'ada')));
  expect(server.statements()).toHaveLength(3);
  const [first, second] = found;
  expect(first?.caller.id).not.toBe(second?.caller.id);
  expect(first?.caller.everywhere.size).toBeGreaterThan(0);
  expect(second?.caller.everywhere.size).toBe(0);
  expect(found).toEqual([first, second, undefined, first, second, undefined]);
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

test('access tokens ask alike', async () => {
  const { userId, secret } = await createClient(server, AccessTokenType.BEARER);
  const access = await tokenBySecret(server, userId, secret);
  server.statements();
  const found = await Promise.all([find(access, 'ada'), find(owner, 'ada'), find(access, 'grace'), find(access, 'nobody')]);
  expect(server.statements()).toHaveLength(2);
  expect(found.map((one) => one?.caller.id === userId)).toEqual([true, false, true, true]);
  expect(found.map((one) => one?.subject?.id)).toEqual(['ada', 'ada', 'grace', undefined]);
  expect(await find(access, 'ada')).toEqual(found[0]);
});

test('calls without a user join those with one', async () => {
  const found = await Promise.all([find(owner, undefined), find(owner, 'ada'), find(owner, undefined)]);
  expect(server.statements()).toHaveLength(1);
  expect(found.map((one) => one?.subject?.id)).toEqual([undefined, 'ada', undefined]);
  expect(new Set(found.map((one) => one?.caller.id)).size).toBe(1);
});

describe('the token of a session', () => {
  const begin = async (password?: string) => {
    const person = await createPerson(server, ['password']);
    const checks = { user: userNamed(person.userId), ...(password !== undefined && { password: { password } }) };
    return { ...person, ...(await server.as().sessions.createSession({ checks })) };
  };
  const userNamed = (value: string) => ({ search: { case: 'userId', value } }) as const;

  test('asks as any other', async () => {
    const { userId, sessionId, sessionToken } = await begin('Passw0rd!');
    server.statements();
    const ids = ['ada', undefined, userId, 'nobody', 'ada'];
    const together = await Promise.all(ids.map((id) => find(sessionToken, id)));
    expect(server.statements()).toHaveLength(1);
    const alone = [];
    for (const id of ids) alone.push(await find(sessionToken, id));
    expect(together).toEqual(alone);
    expect(together.map((found) => [found?.caller.id, found?.caller.sessionId, found?.subject?.id])).toEqual(
      ['ada', undefined, userId, undefined, 'ada'].map((id) => [userId, sessionId, id]),
    );
  });

  test('that shows too little is refused to each call by an error of its own', async () => {
    const { sessionToken } = await begin();
    const calls = [find(sessionToken, 'ada'), find(sessionToken, 'grace')];
    const refused = 'PermissionDenied SESSION_UNPROVEN';
    expect(await Promise.all(calls.map(outcome))).toEqual([refused, refused]);
    const [first, second] = await Promise.allSettled(calls);
    expect(first?.status === 'rejected' && second?.status === 'rejected' && first.reason !== second.reason).toBe(true);
  });
});

test('sessions that are asked for at once are one statement', async () => {
  const { sessions } = server.as();
  const made = await Promise.all([1, 2, 3].map(() => sessions.createSession({})));
  const known = made.map(({ sessionId }) => sessionId);
  const ids = [...known, 'nothing', ...known];
  server.statements();
  const found = await Promise.all(ids.map((id) => findSession(server.app.db, id)));
  expect(server.statements()).toHaveLength(1);
  expect(found.map((session) => session?.id)).toEqual([...known, undefined, ...known]);
});

describe('questions', () => {
  /** Answers when it is told to; each answer is told how many questions had been asked before it was begun. */
  const open = () => {
    const begun: { texts: readonly string[]; end(): void; fail(): void }[] = [];
    let asked = 0;
    const ask = together<object, string, number>({
      groupOf: ([first = '']) => first,
      answer: (_, texts) => {
        const before = asked;
        const { promise, resolve, reject } = Promise.withResolvers<() => number>();
        begun.push({ texts, end: () => resolve(() => before), fail: () => reject(new Error(texts.join())) });
        return promise;
      },
    });
    const all = {};
    const one = (text: string) => {
      asked++;
      return ask(all, text);
    };
    return { begun, one };
  };
  const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

  test('are answered by what is asked after they have come, two times at once and no more, others wait for no one else', async () => {
    const { begun, one } = open();
    const answers: Promise<number>[] = [];
    for (const text of ['a1', 'a2', 'a3', 'a4', 'b1']) {
      answers.push(one(text));
      await turn();
    }
    expect(begun.map(({ texts }) => texts)).toEqual([['a1'], ['a2'], ['b1']]);
    begun[1]?.end();
    await turn();
    expect(begun[3]?.texts).toEqual(['a3', 'a4']);
    for (const { end } of begun) end();
    expect(await Promise.all(answers)).toEqual([1, 2, 5, 5, 5]);
  });

  test('that fail fail for all who asked, and for nobody after them', async () => {
    const { begun, one } = open();
    const failing = [one('a1'), one('a2')];
    await turn();
    const next = one('a3');
    await turn();
    begun[0]?.fail();
    expect((await Promise.allSettled(failing)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    begun[1]?.end();
    expect(await next).toBe(3);
  });

  test('leave nothing behind', async () => {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    const ask = together<object, string, string>({ groupOf: (text) => text, answer: async () => (text) => text });
    const all = {};
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < 20; n++)
      await Promise.all(Array.from({ length: 100 }, (_, m) => ask(all, `${n} ${m} ${Buffer.alloc(8000)}`)));
    collect();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(8_000_000);
  });
});
