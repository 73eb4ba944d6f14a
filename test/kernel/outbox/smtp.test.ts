// Mails through real SMTP servers, which take them or do not.
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createHuman, unique } from '../../support/actors.ts';
import { codeIn } from '../../support/outbox.ts';
import { epoch, startServer, type TestServer } from '../../support/server.ts';
import { certificateFile, type Smtp, type SmtpOptions, startSmtp, type Trouble } from '../../support/smtp.ts';

const variables = { ROSTER_MAIL_FROM: 'Example <users@example.com>', ROSTER_OUTGOING_CA: certificateFile };

/** A service that sends its mails to such a server. */
async function startBoth(
  options: SmtpOptions = {},
  env: (smtp: Smtp) => NodeJS.ProcessEnv = ({ url }) => ({ ROSTER_SMTP_URL: url }),
) {
  const smtp = await startSmtp(options);
  const server = await startServer({ env: { ...variables, ...env(smtp) } });
  return { smtp, server };
}

/** Has a mail queued. Returns its address. */
async function queueMail(server: TestServer): Promise<string> {
  const email = `${unique('mail')}@example.net`;
  await createHuman(server, { email: { email } });
  return email;
}

const rows = ({ sql }: TestServer) =>
  sql<{ attempts: number; dead: boolean; failure: string | null }[]>`
    select attempts, dead_at is not null as dead, failure from outbox order by id`;

const eventually = (look: () => Promise<void>) => vi.waitFor(look, { timeout: 30_000, interval: 10 });
const failed = (server: TestServer, row: object) => eventually(async () => expect(await rows(server)).toMatchObject([row]));
const empty = (server: TestServer) => eventually(async () => expect(await rows(server)).toEqual([]));

/** Some minutes after the start, which is when everything is due again whose first attempts failed. */
async function later(server: TestServer, minutes = 4): Promise<void> {
  server.setTime(new Date(epoch.getTime() + minutes * 60_000));
  await server.sql`select pg_notify('roster_outbox', '')`;
}

async function notices({ address }: TestServer): Promise<unknown> {
  const response = await fetch(`${address}/readyz`);
  return Object.assign({ status: response.status }, await response.json());
}

describe('a mail', () => {
  test.each(['starttls', 'tls', 'none'] as const)('arrives once, whole, and encrypted as the URL says: %s', async (security) => {
    const { smtp, server } = await startBoth({ security });
    const email = await queueMail(server);
    const mail = await smtp.next();
    await empty(server);
    expect(smtp.messages).toHaveLength(1);
    expect(mail.secure).toBe(security !== 'none');
    expect(mail).toMatchObject({
      recipient: email,
      from: { text: '"Example" <users@example.com>' },
      subject: expect.any(String),
    });
    expect(mail.to).toMatchObject({ value: [{ address: email, name: '' }] });
    expect(mail.messageId).toMatch(/^<[\da-f]{32}@roster\.example\.com>$/);
    expect(mail.headers.get('auto-submitted')).toBe('auto-generated');
    expect(mail.html).toContain(codeIn(mail.text));
  });

  test('leaves with a login', async () => {
    const { smtp, server } = await startBoth({ login: { user: 'roster@example.com', password: 'p@ss:w/rd %' } });
    const email = await queueMail(server);
    expect((await smtp.next()).recipient).toBe(email);
  });

  test('never leaves unencrypted to a server that should have encrypted', async () => {
    const { smtp, server } = await startBoth({ security: 'none' }, ({ port }) => ({
      ROSTER_SMTP_URL: `smtp://127.0.0.1:${port}`,
    }));
    await queueMail(server);
    await failed(server, { attempts: 1, dead: false, failure: 'no secure connection to the SMTP server (TLS)' });
    expect(smtp.attempts).toEqual([]);
  });

  test.each(['starttls', 'tls'] as const)(
    'never leaves to a server whose certificate nobody vouches for: %s',
    async (security) => {
      const { smtp, server } = await startBoth({ security }, ({ url }) => ({ ROSTER_SMTP_URL: url, ROSTER_OUTGOING_CA: '' }));
      await queueMail(server);
      await failed(server, { attempts: 1, dead: false, failure: expect.stringMatching(/SELF_SIGNED/) });
      expect(smtp.attempts).toEqual([]);
    },
  );
});

describe('when the server', () => {
  test('refuses the login, mails wait and readyz says so; nobody sees the password', async () => {
    const login = { user: 'roster', password: 'right' };
    const { smtp, server } = await startBoth({ login }, ({ port }) => ({
      ROSTER_SMTP_URL: `smtp://roster:wrong@127.0.0.1:${port}`,
    }));
    await queueMail(server);
    await failed(server, { attempts: 1, dead: false, failure: 'the SMTP server refuses the login (535)' });
    expect(smtp.messages).toEqual([]);
    expect(await notices(server)).toEqual({
      status: 200,
      ready: true,
      checks: { database: true },
      notices: { email: 'failing' },
    });
  });

  test('is away, mails wait and go out when it is back', async () => {
    const { smtp, server } = await startBoth();
    await smtp.stop();
    const emails = [await queueMail(server), await queueMail(server)];
    await eventually(async () =>
      expect(await rows(server)).toMatchObject([
        { failure: expect.stringMatching(/ECONNREFUSED/) },
        { failure: expect.anything() },
      ]),
    );
    expect(await notices(server)).toMatchObject({ ready: true, notices: { email: 'failing' } });
    await smtp.start();
    await later(server);
    await empty(server);
    expect(smtp.messages.map(({ recipient }) => recipient).sort()).toEqual(emails.sort());
    expect(await notices(server)).toMatchObject({ notices: {} });
  });

  test('goes away in between, the next mail takes a new connection', async () => {
    const { smtp, server } = await startBoth();
    await queueMail(server);
    await smtp.next();
    await empty(server);
    await smtp.stop();
    await smtp.start();
    const email = await queueMail(server);
    await later(server);
    expect((await smtp.next()).recipient).toBe(email);
  });

  test.each<[string, 'recipient' | 'data', Trouble, string]>([
    ['does not take the recipient just now', 'recipient', 450, 'the SMTP server refuses the recipient (450)'],
    ['does not take the message just now', 'data', 451, 'the SMTP server refuses the message (451)'],
    ['hangs up in the middle of the message', 'data', 'hang up', 'the SMTP server does not answer (ECONNECTION)'],
  ])('%s, it is tried again', async (_, stage, trouble, failure) => {
    let bad = true;
    const { smtp, server } = await startBoth({ trouble: (at) => (bad && at === stage ? trouble : undefined) });
    const email = await queueMail(server);
    await failed(server, { attempts: 1, dead: false, failure });
    bad = false;
    await later(server);
    await empty(server);
    expect(smtp.messages.map(({ recipient }) => recipient)).toEqual([email]);
    expect(smtp.attempts).toEqual([email, email]);
  });

  test.each<['recipient' | 'data', number, string]>([
    ['recipient', 550, 'the SMTP server refuses the recipient (550)'],
    ['data', 554, 'the SMTP server refuses the message (554)'],
  ])('refuses for good, the mail is given up and others go on: %s', async (stage, reply, failure) => {
    let refused = '';
    const { smtp, server } = await startBoth({
      trouble: (at, recipient) => (at === stage && (refused === '' || refused === recipient) ? reply : undefined),
    });
    refused = await queueMail(server);
    const other = await queueMail(server);
    await failed(server, { attempts: 1, dead: true, failure });
    expect((await smtp.next()).recipient).toBe(other);
    expect(await notices(server)).toMatchObject({ notices: {} });
  });

  test('refuses the sender, mails wait: that can be mended', async () => {
    const { server } = await startBoth({ trouble: (stage) => (stage === 'sender' ? 553 : undefined) });
    await queueMail(server);
    await failed(server, { attempts: 1, dead: false, failure: 'the SMTP server refuses to serve (553)' });
  });

  test('falls silent, a stopping service breaks off and gives the mail back', async () => {
    let silent = true;
    const { smtp, server } = await startBoth(
      { trouble: (stage) => (silent && stage === 'data' ? 'silence' : undefined) },
      ({ url }) => ({ ROSTER_SMTP_URL: url, ROSTER_DRAIN_TIMEOUT: '10ms' }),
    );
    const second = await startServer({
      beside: server,
      env: { ...variables, ROSTER_SMTP_URL: smtp.url, ROSTER_DRAIN_TIMEOUT: '10ms' },
    });
    onTestFinished(() => second.close());
    const email = await queueMail(server);
    await smtp.attempted(1);
    await Promise.all([server.close(), second.close()]);
    await failed(server, { attempts: 1, dead: false, failure: 'broken off when the process stopped' });
    // Well before the silence itself ends it: nothing may be accepted on it any more.
    await vi.waitFor(() => expect(smtp.connections()).toBe(0), { timeout: 15_000, interval: 10 });
    silent = false;
    const third = await startServer({ beside: server, env: { ...variables, ROSTER_SMTP_URL: smtp.url } });
    await later(third);
    await empty(third);
    expect(smtp.messages.map(({ recipient }) => recipient)).toEqual([email]);
  });
});

test('two processes share the mails of one queue, and none arrives twice', async () => {
  const { smtp, server } = await startBoth();
  await startServer({ beside: server, env: { ...variables, ROSTER_SMTP_URL: smtp.url } });
  const emails = await Promise.all(Array.from({ length: 30 }, () => queueMail(server)));
  await empty(server);
  expect(smtp.messages.map(({ recipient }) => recipient).sort()).toEqual(emails.sort());
});
