import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { outcome } from '../support/errors.ts';
import { codeIn, linkIn, messagesTo } from '../support/outbox.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';
import {
  askCodes,
  type Change,
  createPerson,
  loginOf,
  openSession,
  type Person,
  returned,
  type Sessions,
  wrongOf,
} from '../support/signIn.ts';

const absent = 'FailedPrecondition CHALLENGE_ABSENT';
const expired = 'FailedPrecondition CHALLENGE_EXPIRED';
const wrong = 'InvalidArgument CODE_WRONG';
const tooOften = 'ResourceExhausted TRIED_TOO_OFTEN';

let server: TestServer;
let users: Clients['users'];
let sessions: Sessions;

beforeAll(async () => {
  server = await startServer();
  users = server.as().users;
  sessions = await loginOf(server);
});

beforeEach(() => server.setTime(epoch));

const later = (seconds: number) => server.setTime(new Date(epoch.getTime() + seconds * 1000));
const set = (sessionId: string, change: Change) => outcome(sessions.setSession({ sessionId, ...change }));
const factorsOf = async (sessionId: string) => (await sessions.getSession({ sessionId })).session?.factors;

describe.each([
  ['otpSms', 'sms', 'phone'],
  ['otpEmail', 'email', 'email'],
] as const)('a code asked for as %s', (name, channel, address) => {
  let person: Person;
  let sessionId: string;

  beforeEach(async () => {
    person = await createPerson(server);
    sessionId = await openSession(sessions, person.userId);
  });

  const ask = async (id = sessionId) => (await askCodes(sessions, id))[channel];
  const check = (code: string, id = sessionId) => set(id, { checks: { [name]: { code } } });
  const send = (id = sessionId) => sessions.setSession({ sessionId: id, challenges: { [name]: {} } });

  test('is returned, is right once, and sends nothing', async () => {
    const code = await ask();
    expect(code).toMatch(/^\d{8}$/);
    expect(await check(wrongOf(code))).toBe(wrong);
    expect(await check(code)).toBe('ok');
    expect((await factorsOf(sessionId))?.[name]).toMatchObject({ verifiedAt: { seconds: BigInt(epoch.getTime() / 1000) } });
    expect(await check(code)).toBe(absent);
    expect(await server.sql`select from outbox where user_id = ${person.userId}`).toHaveLength(0);
  });

  test('is sent to the verified address and not returned', async () => {
    const { challenges } = await send();
    expect(challenges?.[name]).toBeUndefined();
    const [message] = await messagesTo(server, person[address]);
    expect(await check(codeIn(message))).toBe('ok');
  });

  test('is wrong in another session of the same user, and dead in its own after five tries', async () => {
    const elsewhere = await openSession(sessions, person.userId);
    const code = await ask();
    expect(await check(code, elsewhere)).toBe(absent);
    await ask(elsewhere);
    expect(await check(code, elsewhere)).toBe(wrong);
    for (let n = 0; n < 4; n++) expect(await check(wrongOf(code))).toBe(wrong);
    expect(await check(code)).toBe(tooOften);
    later(1);
    expect(await check(wrongOf(code))).toBe(wrong);
    later(100);
    expect(await check(code)).toBe('FailedPrecondition CHALLENGE_EXPIRED');
    expect(await check(await ask())).toBe('ok');
  });

  test('lives for five minutes, and until the next one', async () => {
    const code = await ask();
    later(299.999);
    expect(await check(wrongOf(code))).toBe(wrong);
    later(300);
    expect(await check(code)).toBe(expired);
    const first = await ask();
    const second = await ask();
    if (first !== second) expect(await check(first)).toBe(wrong);
    expect(await check(second)).toBe('ok');
  });

  test('is not right in the call that asks for another one, unless it is older', async () => {
    const code = await ask();
    const { challenges } = await sessions.setSession({ sessionId, checks: { [name]: { code } }, challenges: returned });
    expect(await check(challenges?.[name] ?? '')).toBe('ok');
  });

  test('is dead once the address has changed, or the factor was removed', async () => {
    const { userId } = person;
    const verification = { case: 'isVerified', value: true } as const;
    const changed = await ask();
    if (channel === 'sms') await users.setPhone({ userId, phone: '+41790000000', verification });
    else await users.setEmail({ userId, email: 'else@example.net', verification });
    expect(await check(changed)).toBe(absent);
    const removed = await ask();
    const [remove, add] = channel === 'sms' ? [users.removeOTPSMS, users.addOTPSMS] : [users.removeOTPEmail, users.addOTPEmail];
    await remove({ userId });
    expect(await check(removed)).toBe('FailedPrecondition OTP_ABSENT');
    expect(await set(sessionId, { challenges: { [name]: returned[name] } })).toBe('FailedPrecondition OTP_ABSENT');
    await add({ userId });
    expect(await check(removed)).toBe(absent);
  });

  test('is refused while the address is not verified', async () => {
    const { userId } = person;
    if (channel === 'sms') await users.setPhone({ userId, phone: '+41790000001' });
    else await users.setEmail({ userId, email: 'unverified@example.net' });
    const reason = channel === 'sms' ? 'PHONE_NOT_VERIFIED' : 'EMAIL_NOT_VERIFIED';
    expect(await set(sessionId, { challenges: { [name]: returned[name] } })).toBe(`FailedPrecondition ${reason}`);
  });

  test('is sent five times at once to one user, over all his sessions, and again with time', async () => {
    for (let n = 0; n < 5; n++) await send(await openSession(sessions, person.userId));
    expect(await outcome(send())).toBe('ResourceExhausted SENT_TOO_OFTEN');
    expect(await ask()).toMatch(/^\d{8}$/);
    later(60);
    expect(await outcome(send())).toBe('ok');
    expect(await outcome(send())).toBe('ResourceExhausted SENT_TOO_OFTEN');
  });
});

test('the link in a mail with a code is the template’s', async () => {
  const { userId, username, email } = await createPerson(server);
  const sessionId = await openSession(sessions, userId);
  const urlTemplate = 'https://login.example.com/otp?c={{.Code}}&u={{.UserID}}&n={{.LoginName}}&s={{.SessionID}}';
  const challenges = { otpEmail: { deliveryType: { case: 'sendCode', value: { urlTemplate } } } } as const;
  await sessions.setSession({ sessionId, challenges });
  const { searchParams } = linkIn((await messagesTo(server, email))[0]);
  expect([...searchParams.entries()].slice(1)).toEqual([
    ['u', userId],
    ['n', username],
    ['s', sessionId],
  ]);
  expect(await set(sessionId, { checks: { otpEmail: { code: searchParams.get('c') ?? '' } } })).toBe('ok');
});
