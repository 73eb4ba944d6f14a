// ROSTER_SESSION_LIFETIME: the longest that any session lives.
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { type Actor, createInstanceManager } from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';
import { bearer, unauthenticated } from '../support/sessionStates.ts';
import { createPerson, type Person, signIn } from '../support/sessions.ts';

const ok = 'ok';
const hourMs = 60 * 60 * 1000;

let server: TestServer;
/** Lets no session live longer than an hour. */
let brief: TestServer;
let login: Actor;
let sessions: Actor['sessions'];
let person: Person;

beforeAll(async () => {
  server = await startServer();
  brief = await startServer({ beside: server, env: { ROSTER_SESSION_LIFETIME: '1h' } });
  login = await createInstanceManager(server, ['IAM_LOGIN_CLIENT']);
  sessions = brief.as(login.token).sessions;
  person = await createPerson(server, ['password']);
});

const setTime = (ms: number) => {
  for (const each of [server, brief]) each.setTime(new Date(epoch.getTime() + ms));
};

beforeEach(() => setTime(0));

/** Milliseconds after the beginning of time. */
const endOf = async (sessionId: string): Promise<number | undefined> => {
  const { session } = await sessions.getSession({ sessionId });
  return session?.expirationDate && timestampDate(session.expirationDate).getTime() - epoch.getTime();
};
const lifetime = (minutes: number) => ({ lifetime: { seconds: BigInt(minutes * 60) } });

test.each<[string, object, number]>([
  ['none', {}, 60],
  ['a longer one', lifetime(120), 60],
  ['a shorter one', lifetime(10), 10],
])('caps %s', async (_, wished, minutes) => {
  const { sessionId } = await sessions.createSession(wished);
  expect(await endOf(sessionId)).toBe(minutes * 60_000);
});

test('counts from the creation on, whatever is asked for later', async () => {
  const { id: sessionId } = await signIn({ server, login: { sessions }, person });
  setTime(hourMs / 2);
  const { sessionToken } = await sessions.setSession({ sessionId, ...lifetime(120) });
  expect(await endOf(sessionId)).toBe(hourMs);
  setTime(hourMs - 1);
  expect(await bearer(brief, sessionToken)).toBe(ok);
  setTime(hourMs);
  expect(await bearer(brief, sessionToken)).toBe(unauthenticated);
  expect(await outcome(sessions.setSession({ sessionId, ...lifetime(1) }))).toBe('FailedPrecondition SESSION_EXPIRED');
});

test('holds for sessions of a time without it', async () => {
  const { id: sessionId, token } = await signIn({ server, login, person });
  setTime(hourMs - 1);
  expect(await bearer(brief, token)).toBe(ok);
  setTime(hourMs);
  expect([await bearer(server, token), await bearer(brief, token)]).toEqual([ok, unauthenticated]);
  expect(await outcome(sessions.setSession({ sessionId, ...lifetime(1) }))).toBe('FailedPrecondition SESSION_EXPIRED');
});
