// Text messages and mails through a program that takes posts.
import { describe, expect, test, vi } from 'vitest';
import { createHuman, unique } from '../../support/actors.ts';
import { codeIn } from '../../support/outbox.ts';
import { epoch, startServer, type TestServer } from '../../support/server.ts';
import { isSigned, startWebhook, type Webhook, webhookSecret } from '../../support/webhook.ts';

async function startBoth(answer?: Parameters<typeof startWebhook>[0], env: NodeJS.ProcessEnv = {}) {
  const webhook = await startWebhook(answer);
  const server = await startServer({
    env: { ROSTER_SMS_WEBHOOK: webhook.url, ROSTER_MAIL_WEBHOOK: webhook.url, ...webhook.env, ...env },
  });
  return { webhook, server };
}

const phone = '+41791234567';
const queueSms = (server: TestServer) => createHuman(server, { phone: { phone } });

const rows = ({ sql }: TestServer) => sql`select attempts, dead_at as dead, failure from outbox order by id`;
const eventually = (look: () => Promise<void>) => vi.waitFor(look, { timeout: 30_000, interval: 10 });
const empty = (server: TestServer) => eventually(async () => expect(await rows(server)).toEqual([]));
const failed = (server: TestServer, failure: string | RegExp) =>
  eventually(async () =>
    expect(await rows(server)).toMatchObject([{ attempts: 1, dead: null, failure: expect.stringMatching(failure) }]),
  );

async function noticesOf({ address }: TestServer): Promise<object | string> {
  const ready = await fetch(`${address}/readyz`);
  return Object.assign({ notices: 'none' }, await ready.json()).notices;
}

async function later(server: TestServer): Promise<void> {
  server.setTime(new Date(epoch.getTime() + 60_000));
  await server.sql`select pg_notify('roster_outbox', '')`;
}

describe('a post', () => {
  test('holds a text message, with what a provider needs', async () => {
    const { webhook, server } = await startBoth();
    const userId = await queueSms(server);
    const { message, headers } = await webhook.next();
    expect(message).toEqual({
      id: headers['roster-message-id'],
      kind: 'verify-phone',
      channel: 'sms',
      to: phone,
      language: 'und',
      userId,
      organizationId: expect.stringMatching(/^\d{18}$/),
      code: codeIn(message.text),
      expiresAt: '2026-01-01T13:00:00.000Z',
      text: expect.stringMatching(/^Roster: .*[^\n]$/),
    });
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'roster-timestamp': String(epoch.getTime() / 1000),
      'roster-message-id': expect.stringMatching(/^[\da-f]{32}$/),
    });
  });

  test('holds a mail, as text and as HTML', async () => {
    const { webhook, server } = await startBoth();
    const email = `${unique('mail')}@example.net`;
    await createHuman(server, { email: { email } });
    const { message } = await webhook.next();
    expect(message).toMatchObject({
      kind: 'verify-email',
      channel: 'email',
      to: email,
      subject: expect.stringContaining('Roster'),
    });
    expect(message.html).toContain(codeIn(message.text));
  });

  test('is signed: whoever changes, ages or makes up one is found out', async () => {
    const { webhook, server } = await startBoth();
    await queueSms(server);
    const { headers, body } = await webhook.next();
    expect(isSigned({ headers, body })).toBe(true);
    expect(isSigned({ headers, body: body.replace(phone, '+41790000000') })).toBe(false);
    expect(isSigned({ headers: { ...headers, 'roster-timestamp': '1767268801' }, body })).toBe(false);
    expect(isSigned({ headers: { ...headers, 'roster-signature': 'v1=' }, body })).toBe(false);
    expect(isSigned({ headers, body }, `${webhookSecret}.`)).toBe(false);
  });
});

describe('when the program', () => {
  test.each([
    ['answers an error', 500, 'the webhook answers 500'],
    ['does not know the secret', 401, 'the webhook answers 401'],
    ['points elsewhere', 307, 'the webhook answers 307'],
    ['hangs up', 'hang up', 'the webhook does not answer'],
  ] as const)('%s, the message is posted again, under the same id', async (_, trouble, failure) => {
    let bad = true;
    const ids: unknown[] = [];
    const { webhook, server } = await startBoth(({ message }) => {
      ids.push(message.id);
      return bad ? trouble : 202;
    });
    await queueSms(server);
    await failed(server, failure);
    bad = false;
    await later(server);
    await empty(server);
    expect(webhook.messages).toHaveLength(1);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
  });

  test.each([400, 413, 422])(
    'answers %i, that message is given up, and nobody says that messages do not leave',
    async (status) => {
      const { webhook, server } = await startBoth(() => status, { ROSTER_MAIL_WEBHOOK: '' });
      await queueSms(server);
      const given = { attempts: 1, dead: epoch, failure: `the webhook answers ${status}` };
      await eventually(async () => expect(await rows(server)).toMatchObject([given]));
      expect(webhook.attempts()).toBe(1);
      expect(await noticesOf(server)).toEqual({});
    },
  );

  test.each([401, 403, 404, 410, 500, 503])('answers %i, the message waits, and whoever looks is told', async (status) => {
    const { server } = await startBoth(() => status, { ROSTER_MAIL_WEBHOOK: '' });
    await queueSms(server);
    await failed(server, `the webhook answers ${status}`);
    expect(await noticesOf(server)).toEqual({ sms: 'failing' });
  });

  test.each([
    ['seconds', { status: 429, retryAfter: '90' }, 90],
    ['a date', { status: 503, retryAfter: 'Thu, 01 Jan 2026 12:10:00 GMT' }, 600],
    ['longer than an hour', { status: 429, retryAfter: '7200' }, 3600],
    ['less than the usual pause', { status: 429, retryAfter: '1' }, 5],
    ['nothing that can be read', { status: 429, retryAfter: 'soon' }, 5],
    ['nothing', 429, 5],
  ] as const)('wants to be left alone for %s, it is', async (_, answer, seconds) => {
    const { server } = await startBoth(() => answer, { ROSTER_MAIL_WEBHOOK: '' });
    await queueSms(server);
    await failed(server, /the webhook answers (429|503)/);
    const [row] = await server.sql`select due_at as due from outbox`;
    expect(row).toEqual({ due: new Date(epoch.getTime() + seconds * 1000) });
    expect(await noticesOf(server)).toEqual({});
  });

  test('is away, messages wait, and go out when it is back', async () => {
    const { webhook, server } = await startBoth(undefined, { ROSTER_MAIL_WEBHOOK: '' });
    await webhook.stop();
    await queueSms(server);
    await failed(server, /ECONNREFUSED/);
    expect(await noticesOf(server)).toEqual({ sms: 'failing' });
    await webhook.start();
    await later(server);
    await empty(server);
    expect(webhook.messages).toHaveLength(1);
  });

  test('stands at an address that nobody allowed, it gets nothing', async () => {
    const { webhook, server } = await startBoth(undefined, { ROSTER_OUTGOING_PRIVATE: '10.0.0.5' });
    await queueSms(server);
    await failed(server, 'the webhook stands at a forbidden address');
    expect(webhook.attempts()).toBe(0);
  });

  test('gets many at once, each arrives once', async () => {
    const { webhook, server } = await startBoth();
    await Promise.all(Array.from({ length: 20 }, () => queueSms(server)));
    await empty(server);
    expect(new Set(webhook.messages.map(({ message }) => message.id)).size).toBe(20);
    expect(webhook.messages).toHaveLength(20);
  });
});

test('no header of a request chooses where a message goes, or where its link leads', async () => {
  const elsewhere: Webhook = await startWebhook();
  const host = new URL(elsewhere.url).host;
  const { webhook, server } = await startBoth();
  const headers = Object.fromEntries(
    [
      'forwarded',
      'x-forwarded-host',
      'x-forwarded-proto',
      'x-zitadel-forwarded',
      'x-zitadel-public-host',
      'x-zitadel-instance-host',
      'origin',
      'referer',
    ].map((name) => [name, name === 'forwarded' ? `host=${host};proto=http` : elsewhere.url]),
  );
  const email = `${unique('mail')}@example.net`;
  const userId = await createHuman(server);
  for (const protocol of ['grpc', 'connect-json'] as const) {
    await server.as(undefined, { protocol, headers }).users.setEmail({ userId, email: `${protocol}.${email}` });
    const { message } = await webhook.next();
    expect(message.to).toBe(`${protocol}.${email}`);
    expect(message.text).toContain('https://roster.example.com/');
    expect(JSON.stringify(message)).not.toContain(host);
  }
  expect(elsewhere.attempts()).toBe(0);
});
