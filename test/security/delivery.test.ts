// Whatever sends a message: it arrives once, at a real mail server or a real program for text messages, in the language of
// its reader, and what it holds works once. What other people wrote into it stays text.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { NotificationType } from '../../gen/zitadel/user/v2/password_pb.ts';
import type { Channel, MessageKind } from '../../src/kernel/outbox/message.ts';
import { createHuman, createOrganization, leaveCode, unique } from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { codeIn, linkIn } from '../support/outbox.ts';
import { openPage } from '../support/pages.ts';
import { codeEntries, freshPassword } from '../support/proofs.ts';
import { type Sent, sending } from '../support/sending.ts';
import { type Clients, startServer, type TestServer } from '../support/server.ts';
import { certificateFile, type Mail, type Smtp, startSmtp } from '../support/smtp.ts';
import { isSigned, type Posted, startWebhook, type Webhook } from '../support/webhook.ts';

let smtp: Smtp;
let webhook: Webhook;
let server: TestServer;
let organizationId: string;
const organizationName = 'Lovelace & Söhne';

beforeAll(async () => {
  smtp = await startSmtp({}, afterAll);
  webhook = await startWebhook(() => 204, afterAll);
  server = await startServer({
    env: {
      ROSTER_SMTP_URL: smtp.url,
      ROSTER_MAIL_FROM: 'Example Users <users@example.com>',
      ROSTER_OUTGOING_CA: certificateFile,
      ROSTER_SMS_WEBHOOK: webhook.url,
      ...webhook.env,
    },
  });
  organizationId = await createOrganization(server, { name: organizationName, domain: 'lovelace.example.com' });
});

/** Once everything that was queued has been taken by somebody. */
const allSent = () =>
  vi.waitFor(async () => expect(await server.sql`select kind, failure from outbox`).toEqual([]), { timeout: 30_000 });

interface Reader {
  email: string;
  phone: string;
  language: string;
}

let readers = 0;
function newReader(language: string): Reader {
  const phone = `+4179${String(1_000_000 + ++readers)}`;
  return { email: `${unique('reader')}@example.net`, phone, language };
}

const profileOf = ({ language }: Reader) => ({ givenName: 'Ada', familyName: 'Lovelace', preferredLanguage: language });
const humanOf = (reader: Reader) => ({
  profile: profileOf(reader),
  email: { email: reader.email },
  phone: { phone: reader.phone },
});

/** Somebody whom nobody has sent anything yet, with every code pending and mailed an invitation before. */
async function createReader(reader: Reader): Promise<string> {
  const id = await createHuman(server, {
    organizationId,
    ...humanOf(reader),
    email: { email: reader.email, verification: { case: 'isVerified', value: false } },
    phone: { phone: reader.phone, verification: { case: 'returnCode', value: {} } },
  });
  for (const purpose of ['email', 'invite'] as const) await leaveCode(server, id, purpose, 'PENDIN');
  await server.sql`insert into invites (user_id, mailed) values (${id}, true)`;
  return id;
}

interface Case {
  method: string;
  /** What the call sends. */
  sends: readonly Sent[];
  /** Makes it; `userId` has other addresses than the reader when it sets them. */
  call(on: Clients, userId: string, reader: Reader): Promise<unknown>;
}

/** Calls that make their reader. They return the id. */
const creating: Record<string, (on: Clients, reader: Reader) => Promise<string>> = {
  CreateUser: async ({ users }, reader) =>
    (await users.createUser({ organizationId, userType: { case: 'human', value: humanOf(reader) } })).id,
  AddHumanUser: async ({ users }, reader) => {
    const organization = { org: { case: 'orgId', value: organizationId } } as const;
    return (await users.addHumanUser({ organization, ...humanOf(reader) })).userId;
  },
  AddOrganization: async ({ organizations }, reader) => {
    const admins = [{ userType: { case: 'human', value: humanOf(reader) } as const }];
    const { createdAdmins } = await organizations.addOrganization({ name: `${organizationName} ${reader.email}`, admins });
    return createdAdmins[0]?.userId ?? '';
  },
};

const sentBy = (method: string, kind: MessageKind, channel?: Channel): Sent[] =>
  (sending[method] ?? []).filter((sent) => sent.kind === kind && (channel === undefined || sent.channel === channel));

const only = (method: string, call: Case['call']): Case => ({ method, sends: sending[method] ?? [], call });

/** Calls that set an address or a number, which their user has not yet. */
const setting: Case[] = [
  only('SetEmail', ({ users }, userId, { email }) => users.setEmail({ userId, email })),
  only('SetPhone', ({ users }, userId, { phone }) => users.setPhone({ userId, phone })),
  ...(['verify-email', 'verify-phone'] as const).flatMap((kind): Case[] => {
    const partOf = ({ email, phone }: Reader) => (kind === 'verify-email' ? { email: { email } } : { phone: { phone } });
    return [
      {
        method: 'UpdateUser',
        sends: sentBy('UpdateUser', kind),
        call: ({ users }, userId, reader) => users.updateUser({ userId, userType: { case: 'human', value: partOf(reader) } }),
      },
      {
        method: 'UpdateHumanUser',
        sends: sentBy('UpdateHumanUser', kind),
        call: ({ users }, userId, reader) => users.updateHumanUser({ userId, ...partOf(reader) }),
      },
    ];
  }),
];

const newPassword = () => ({ passwordType: { case: 'password', value: { password: freshPassword() } } }) as const;

/** Calls that send to what their user has. */
const telling: Case[] = [
  only('ResendEmailCode', ({ users }, userId) => users.resendEmailCode({ userId })),
  only('SendEmailCode', ({ users }, userId) => users.sendEmailCode({ userId })),
  only('ResendPhoneCode', ({ users }, userId) => users.resendPhoneCode({ userId })),
  only('CreateInviteCode', ({ users }, userId) => users.createInviteCode({ userId })),
  only('ResendInviteCode', ({ users }, userId) => users.resendInviteCode({ userId })),
  only('CreatePasskeyRegistrationLink', ({ users }, userId) => users.createPasskeyRegistrationLink({ userId })),
  {
    method: 'PasswordReset',
    sends: sentBy('PasswordReset', 'reset-password', 'email'),
    call: ({ users }, userId) => users.passwordReset({ userId }),
  },
  {
    method: 'PasswordReset',
    sends: sentBy('PasswordReset', 'reset-password', 'sms'),
    call: ({ users }, userId) =>
      users.passwordReset({ userId, medium: { case: 'sendLink', value: { notificationType: NotificationType.SMS } } }),
  },
];

/** Calls whose user is told of them at his verified address. */
const changing: Case[] = [
  only('SetPassword', ({ users }, userId) => users.setPassword({ userId, newPassword: { password: freshPassword() } })),
  {
    method: 'UpdateUser',
    sends: sentBy('UpdateUser', 'password-changed'),
    call: ({ users }, userId) => users.updateUser({ userId, userType: { case: 'human', value: { password: newPassword() } } }),
  },
  {
    method: 'UpdateHumanUser',
    sends: sentBy('UpdateHumanUser', 'password-changed'),
    call: ({ users }, userId) => users.updateHumanUser({ userId, password: newPassword() }),
  },
];

const askedFor = { sms: { otpSms: {} }, email: { otpEmail: {} } } as const;

/** Calls that send what somebody signs in with, to his verified addresses. */
const signingIn: Case[] = (['email', 'sms'] as const).flatMap((channel): Case[] => {
  const challenges = askedFor[channel];
  const checksOf = (userId: string) => ({ user: { search: { case: 'userId', value: userId } } }) as const;
  return [
    {
      method: 'CreateSession',
      sends: sentBy('CreateSession', 'otp', channel),
      call: ({ sessions }, userId) => sessions.createSession({ checks: checksOf(userId), challenges }),
    },
    {
      method: 'SetSession',
      sends: sentBy('SetSession', 'otp', channel),
      call: async ({ sessions }, userId) => {
        const { sessionId } = await sessions.createSession({ checks: checksOf(userId) });
        await sessions.setSession({ sessionId, challenges });
      },
    },
  ];
});

/** Who can be told of something, and can sign in, at the addresses that he has. */
async function settle(userId: string): Promise<void> {
  await server.sql`update users set email_verified = true, phone_verified = true where id = ${userId}`;
  await server.sql`insert into otp_factors (user_id, channel, created_at)
    select ${userId}, unnest(enum_range(null::channel)), ${server.app.clock()}`;
}

interface Expected {
  method: string;
  reader: Reader;
  userId: string;
  sends: readonly Sent[];
}

/** Makes every call there is, each with a reader of its own; or one for each kind of message. */
async function sendAll(language: string, onePerKind: boolean): Promise<Expected[]> {
  const on = server.as();
  const all: Expected[] = [];
  const seen = new Set<string>();
  const isKnown = (sends: readonly Sent[]) => {
    const kinds = sends.map(({ kind, channel }) => `${kind} ${channel}`);
    const known = kinds.every((each) => seen.has(each));
    for (const each of kinds) seen.add(each);
    return onePerKind && known;
  };
  for (const [method, create] of Object.entries(creating)) {
    if (isKnown(sending[method] ?? [])) continue;
    const reader = newReader(language);
    all.push({ method, reader, userId: await create(on, reader), sends: sending[method] ?? [] });
  }
  for (const { method, sends, call } of [...setting, ...telling, ...changing, ...signingIn]) {
    if (isKnown(sends)) continue;
    const reader = newReader(language);
    const userId = await createReader(setting.some((one) => one.call === call) ? newReader(language) : reader);
    if ([...changing, ...signingIn].some((one) => one.call === call)) await settle(userId);
    await call(on, userId, reader);
    all.push({ method, reader, userId, sends });
  }
  return all;
}

const mailsTo = ({ email }: Reader): Mail[] => smtp.messages.filter(({ recipient }) => recipient === email);
const textsTo = ({ phone }: Reader): Posted[] => webhook.messages.filter(({ message }) => message.to === phone);

function checkMail({ reader, sends }: Expected, isGerman: boolean): string | undefined {
  const wanted = sends.filter(({ channel }) => channel === 'email');
  const mails = mailsTo(reader);
  expect(mails).toHaveLength(wanted.length);
  const [mail] = mails;
  if (!mail) return undefined;
  expect(mail.from?.value).toEqual([{ name: 'Example Users', address: 'users@example.com' }]);
  expect([mail.to ?? []].flat().flatMap(({ value }) => value)).toEqual([{ name: '', address: reader.email }]);
  expect(mail.text).toContain(isGerman ? 'Guten Tag Ada Lovelace,' : 'Hello Ada Lovelace,');
  expect(mail.html).toContain(`<html lang="${isGerman ? 'de' : 'en'}"`);
  expect(mail.text?.replaceAll('\n', ' ')).toContain(organizationName);
  return mail.text;
}

function checkText({ reader, sends }: Expected, isGerman: boolean): string | undefined {
  const wanted = sends.filter(({ channel }) => channel === 'sms');
  const texts = textsTo(reader);
  expect(texts).toHaveLength(wanted.length);
  const [posted] = texts;
  if (!posted) return undefined;
  expect(isSigned(posted)).toBe(true);
  expect(posted.message.text).toContain(isGerman ? 'Ihr Code lautet' : 'Your code is');
  return posted.message.text;
}

async function checkContent({ userId }: Expected, { kind, purpose, channel }: Sent, text: string): Promise<void> {
  if (kind === 'otp') return checkSigningIn(userId, channel, codeIn(text));
  if (!purpose) return;
  if (channel === 'email') {
    const { pathname, search } = linkIn(text);
    expect((await openPage(`${server.address}${pathname}${search}`)).status).toBe(200);
  }
  const entry = codeEntries.find((one) => one.purpose === purpose);
  const bring = () => (purpose === 'passkey' ? bringLink(userId, linkIn(text)) : entry?.bring(server, userId, codeIn(text)));
  expect(await bring()).toBe('ok');
  expect(await bring()).not.toBe('ok');
}

async function checkSigningIn(userId: string, channel: Channel, code: string): Promise<void> {
  const [session] = await server.sql<{ id: string }[]>`select id from sessions where user_id = ${userId}`;
  const checks = channel === 'sms' ? { otpSms: { code } } : { otpEmail: { code } };
  const bring = () => outcome(server.as().sessions.setSession({ sessionId: session?.id ?? '', checks }));
  expect(await bring()).toBe('ok');
  expect(await bring()).toBe('FailedPrecondition CHALLENGE_ABSENT');
}

/** The code of a registration link counts with its id only. */
function bringLink(userId: string, { searchParams }: URL): Promise<string> {
  const code = { id: searchParams.get('codeID') ?? '', code: searchParams.get('code') ?? '' };
  return outcome(server.as().users.registerPasskey({ userId, code }));
}

test('every call that sends is here, with all that it sends', () => {
  const known = new Map(Object.keys(creating).map((method) => [method, sending[method] ?? []]));
  for (const { method, sends } of [...setting, ...telling, ...changing, ...signingIn]) {
    known.set(method, [...(known.get(method) ?? []), ...sends]);
  }
  const sorted = (all: Iterable<readonly [string, readonly Sent[]]>) =>
    Object.fromEntries([...all].map(([method, sends]) => [method, sends.map((sent) => JSON.stringify(sent)).sort()]));
  expect(sorted(known)).toEqual(sorted(Object.entries(sending)));
});

// Which language somebody reads is found out in one place: two are asked with every call, others with every kind of message.
test.each([
  ['de', true, false],
  ['de-CH', true, true],
  ['en', false, false],
  ['und', false, true],
])(
  'in the language %s, all arrive once, from the right sender, and what they hold works once',
  async (language, isGerman, onePerKind) => {
    const all = await sendAll(language, onePerKind);
    await allSent();
    for (const expected of all) {
      const mail = checkMail(expected, isGerman);
      const text = checkText(expected, isGerman);
      for (const sent of expected.sends) {
        const said = sent.channel === 'email' ? mail : text;
        await checkContent(expected, sent, said ?? '').catch((error: unknown) => {
          throw new Error(`${expected.method}, ${sent.kind}: ${error}\n${said}`);
        });
      }
    }
  },
);

/** What people may call themselves, their organizations and their applications, and how a reader sees it. */
const hostile: readonly (readonly [string, string])[] = [
  ...[
    ...[
      '<a href="https://evil.example/">Sign in</a>',
      '"><img src=x onerror=alert(1)>',
      "' onmouseover='alert(1)",
      '</title><script>x</script>',
    ],
    ...['{{.Code}} {{.UserID}}', `\${code} #{code} <%= code %>`, '{code} {displayName} {organization}', '%s %d $1 $& $`'],
    ...['&lt;b&gt; &amp; &#60;', '=?utf-8?q?=0D=0ABcc:_eve@evil.example?=', 'eve@evil.example, bob@evil.example', '👩‍👩‍👧 Ünï'],
  ].map((name) => [name, name] as const),
  ['Eve\r\nBcc: eve@evil.example\r\n\r\n<b>x</b>', 'Eve Bcc: eve@evil.example <b>x</b>'],
  ['Eve\n.\nQUIT', 'Eve . QUIT'],
  ['\u202emoc.elpmaxe\u202c \u2066Eve\u2069\u200f', 'moc.elpmaxe Eve'],
  ['a\u2028b\u2029c\u0085d\u001be', 'a b c d e'],
  [`${'long'.repeat(50)}`, `${'long'.repeat(15).slice(0, 59)}…`],
];

/** Everything that mails a name, to somebody of this name, in an organization of this name, from an application of this name. */
async function mailAll(name: string): Promise<Mail[]> {
  const { users } = server.as();
  const organization = await createOrganization(server, { name, domain: `${unique('domain')}.example.com` });
  const reader = newReader('en');
  const profile = { ...profileOf(reader), displayName: name };
  const userId = await createHuman(server, {
    organizationId: organization,
    username: unique('reader'),
    profile,
    email: { email: reader.email },
  });
  await users.createInviteCode({ userId, verification: { case: 'sendCode', value: { applicationName: name } } });
  await users.passwordReset({ userId });
  await server.sql`update users set email_verified = true where id = ${userId}`;
  await users.setPassword({ userId, newPassword: { password: freshPassword() } });
  await allSent();
  return mailsTo(reader).sort((a, b) => (a.subject ?? '').localeCompare(b.subject ?? ''));
}

const oneLine = (text: string | undefined) => (text ?? '').replace(/\s+/g, ' ');
const headersOf = ({ headerLines }: Mail) => headerLines.map(({ key }) => key);
/** The tags of a page, without what their attributes say. */
const tagsOf = ({ html }: Mail) =>
  (html === false ? [] : (html.match(/<[^>]*>/g) ?? [])).map((tag) => tag.replace(/"[^"]*"/g, '""'));
const shownBy = ({ html }: Mail) =>
  oneLine(html === false ? '' : html.replace(/<[^>]*>/g, '')).replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code));

test('names stay text: no header, no tag, no placeholder and no line comes out of them', async () => {
  const harmless = await mailAll('Harmless');
  expect(harmless).toHaveLength(4);
  for (const [name, seen] of hostile) {
    const mails = await mailAll(name);
    expect(
      mails.map(({ subject }) => subject),
      name,
    ).toEqual(harmless.map(({ subject }) => subject));
    expect(mails.map(headersOf), name).toEqual(harmless.map(headersOf));
    expect(mails.map(tagsOf), name).toEqual(harmless.map(tagsOf));
    for (const [index, mail] of mails.entries()) {
      const counted = (text: string, part: string) => text.split(part).length;
      const same = harmless[index];
      for (const [text, plain] of [
        [oneLine(mail.text), oneLine(same?.text)],
        [shownBy(mail), same ? shownBy(same) : ''],
      ] as const) {
        expect(counted(text, oneLine(seen)), `${seen} in ${text}`).toBe(counted(plain, 'Harmless'));
      }
      expect(mail.text).not.toMatch(/[^\P{C}\n\u200d]/u);
      expect([mail.cc, mail.bcc]).toEqual([undefined, undefined]);
    }
  }
  expect(smtp.attempts.filter((address) => address.endsWith('@evil.example'))).toEqual([]);
});
