// Where the links in messages lead is the operator's and the caller's word, never a header's.
import { beforeAll, expect, test } from 'vitest';
import { createHuman, homeOf, readHuman, unique } from '../support/actors.ts';
import { linkIn, messagesTo } from '../support/outbox.ts';
import { type Clients, type Protocol, startServer, type TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});

const evil = 'evil.example';
const hostile = {
  forwarded: `for=1.2.3.4;host=${evil};proto=http`,
  'x-forwarded-host': evil,
  'x-forwarded-proto': 'http',
  'x-forwarded-port': '666',
  'x-forwarded-server': evil,
  'x-original-host': evil,
  'x-host': evil,
  'x-zitadel-forwarded': `host=${evil}`,
  'x-zitadel-instance-host': evil,
  'x-zitadel-public-host': evil,
  origin: `https://${evil}`,
  referer: `https://${evil}/`,
};

const send = { case: 'sendCode', value: {} } as const;

/** Every call that mails a link, each to the same person. */
const mailing: Record<string, (users: Clients['users'], userId: string) => Promise<unknown>> = {
  sendEmailCode: (users, userId) => users.sendEmailCode({ userId, verification: send }),
  resendEmailCode: (users, userId) => users.resendEmailCode({ userId, verification: send }),
  passwordReset: (users, userId) => users.passwordReset({ userId, medium: { case: 'sendLink', value: {} } }),
  createInviteCode: (users, userId) => users.createInviteCode({ userId, verification: send }),
  resendInviteCode: (users, userId) => users.resendInviteCode({ userId }),
  createPasskeyRegistrationLink: (users, userId) =>
    users.createPasskeyRegistrationLink({ userId, medium: { case: 'sendLink', value: {} } }),
};

test.each<Protocol>(['grpc', 'connect-json'])('over %s no header decides where a link leads', async (protocol) => {
  const headers = protocol === 'connect-json' ? { ...hostile, host: evil } : hostile;
  const { users } = server.as(server.token, { protocol, headers });
  const email = `${unique('reader')}@example.net`;
  const userId = await createHuman(server, { email: { email, verification: send } });
  for (const call of Object.values(mailing)) await call(users, userId);
  const changed = `${unique('reader')}@example.net`;
  await users.setEmail({ userId, email: changed });
  const created = `${unique('reader')}@example.net`;
  const profile = { givenName: 'Ada', familyName: 'Lovelace' };
  const human = { profile, email: { email: created, verification: send } };
  await users.createUser({ organizationId: await homeOf(server), userType: { case: 'human', value: human } });
  const mails = [
    ...(await messagesTo(server, email, 1 + Object.keys(mailing).length)),
    ...(await messagesTo(server, changed)),
    ...(await messagesTo(server, created)),
  ];
  for (const mail of mails) expect(linkIn(mail).origin).toBe('https://roster.example.com');
  expect(mails.join()).not.toContain(evil);
  expect((await readHuman(server, userId)).email.email).toBe(changed);
});

test('names in every templated field stay text in the mail that arrives, and its headers whole', async () => {
  const email = `${unique('reader')}@example.net`;
  const name = `<a href="//evil.example">{{.Code}}\${x}\r\nBcc: eve@evil.example`;
  await createHuman(server, {
    profile: { givenName: name, familyName: '{code}', displayName: name },
    email: { email, verification: send },
  });
  const [mail = ''] = await messagesTo(server, email);
  expect(mail).toContain(`Hello <a href="//evil.example">{{.Code}}\${x} Bcc: eve@evil.example,`);
  expect(mail).toMatch(/^To: [^\n]+\nSubject: [^\n]+\n\nHello/);
});
