// How messages leave, as the configuration says it. No mistake in it stops a start.
import { describe, expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';
import { certificateFile } from './support/smtp.ts';

const secret = 'a-secret-of-thirty-two-characters!';
const from = { ROSTER_MAIL_FROM: 'users@example.com' };
const production = { ROSTER_PUBLIC_URL: 'https://roster.example.com' };

const routes = (env: NodeJS.ProcessEnv) => readConfig({ ...production, ...env }).delivery;

describe('without settings', () => {
  test('messages become files in development mode, and wait elsewhere', () => {
    expect(readConfig({}).delivery).toMatchObject({ email: { by: 'files' }, sms: { by: 'files' } });
    expect(routes({})).toEqual({ email: { by: 'nothing', problem: undefined }, sms: { by: 'nothing', problem: undefined } });
    expect(routes({ ROSTER_MESSAGE_FILES: 'on' })).toMatchObject({ email: { by: 'files' }, sms: { by: 'files' } });
    expect(readConfig({ ROSTER_MESSAGE_FILES: 'off' }).delivery).toMatchObject({
      email: { by: 'nothing' },
      sms: { by: 'nothing' },
    });
  });
});

describe('ROSTER_SMTP_URL', () => {
  test.each([
    ['smtp://mail.example.com', { host: 'mail.example.com', port: 587, security: 'starttls', login: undefined }],
    ['smtps://mail.example.com', { host: 'mail.example.com', port: 465, security: 'tls', login: undefined }],
    ['smtp://127.0.0.1:25?tls=off', { host: '127.0.0.1', port: 25, security: 'none', login: undefined }],
    ['smtp://[::1]:2525/', { host: '::1', port: 2525, security: 'starttls', login: undefined }],
    [
      'smtp://me%40example.com:p%23%2F%40%3A%25@mail:587',
      { host: 'mail', port: 587, security: 'starttls', login: { user: 'me@example.com', password: 'p#/@:%' } },
    ],
  ])('%s', (url, server) => {
    expect(routes({ ...from, ROSTER_SMTP_URL: url }).email).toEqual({
      by: 'smtp',
      server,
      from: { name: '', address: 'users@example.com' },
      outgoing: { allowed: [], certificates: undefined },
    });
  });

  test.each([
    'mail.example.com',
    'http://mail.example.com',
    'smtp://',
    'smtp://user@mail',
    'smtp://:hidden@mail',
    'smtp://user:hid#den@mail',
    'smtp://user:hid/den@mail',
    'smtp://user:hidden%@mail',
    'smtp://user:hidden@mail/path',
    'smtp://user:hidden@mail?tls=no',
    'smtp://user:hidden@mail?starttls=off',
    'smtps://user:hidden@mail?tls=off',
    'smtp://user:hidden@mail:99999',
  ])('%s is a problem that the mails wait for, without the password in it', (url) => {
    const { email, sms } = routes({ ...from, ROSTER_SMTP_URL: url, ROSTER_MESSAGE_FILES: 'on' });
    expect(email).toEqual({ by: 'nothing', problem: expect.stringMatching(/^ROSTER_SMTP_URL: /) });
    expect(JSON.stringify(email)).not.toMatch(/hid/);
    expect(sms).toMatchObject({ by: 'files' });
  });

  test('needs a sender', () => {
    const url = { ROSTER_SMTP_URL: 'smtp://mail' };
    expect(routes(url).email).toMatchObject({ by: 'nothing', problem: expect.stringContaining('ROSTER_MAIL_FROM') });
    expect(routes({ ...url, ROSTER_MAIL_FROM: 'Example, Inc. <users@example.com>' }).email).toMatchObject({
      from: { name: 'Example, Inc.', address: 'users@example.com' },
    });
    expect(routes({ ...url, ROSTER_MAIL_FROM: '"Example" <users@example.com>' }).email).toMatchObject({
      from: { name: 'Example' },
    });
    for (const wrong of ['users', 'a@b, c@d', 'a@b\r\nBcc: c@d', '<a@b', 'a@b>', 'Name a@b', 'N\u0000 <a@b>']) {
      expect(routes({ ...url, ROSTER_MAIL_FROM: wrong }).email, wrong).toMatchObject({ by: 'nothing' });
    }
  });
});

describe('a webhook', () => {
  const url = 'https://sms.example.com/roster?account=7';

  test('takes its channel, with the secret and the addresses that it may stand at', () => {
    const env = { ROSTER_SMS_WEBHOOK: url, ROSTER_WEBHOOK_SECRET: secret, ROSTER_OUTGOING_CA: certificateFile };
    expect(routes(env)).toEqual({
      email: { by: 'nothing', problem: undefined },
      sms: { by: 'webhook', url, secret, outgoing: { allowed: [], certificates: expect.stringContaining('BEGIN') } },
    });
    expect(routes({ ...env, ROSTER_MAIL_WEBHOOK: url }).email).toMatchObject({ by: 'webhook' });
    expect(routes({ ...env, ROSTER_OUTGOING_PRIVATE: '10.0.0.5, fd00::/8' }).sms).toMatchObject({
      outgoing: { allowed: [expect.anything(), expect.anything()] },
    });
  });

  test.each<[string, NodeJS.ProcessEnv, string]>([
    ['no secret', { ROSTER_WEBHOOK_SECRET: '' }, 'ROSTER_WEBHOOK_SECRET'],
    ['a short secret', { ROSTER_WEBHOOK_SECRET: 'hidden' }, 'ROSTER_WEBHOOK_SECRET'],
    ['no URL', { ROSTER_SMS_WEBHOOK: 'sms.example.com' }, 'ROSTER_SMS_WEBHOOK'],
    ['a user', { ROSTER_SMS_WEBHOOK: 'https://hidden@sms.example.com' }, 'ROSTER_SMS_WEBHOOK'],
    ['another scheme', { ROSTER_SMS_WEBHOOK: 'file:///etc/hidden' }, 'ROSTER_SMS_WEBHOOK'],
    ['no addresses', { ROSTER_OUTGOING_PRIVATE: 'localhost' }, 'ROSTER_OUTGOING_PRIVATE'],
    ['all addresses', { ROSTER_OUTGOING_PRIVATE: '0.0.0.0/0' }, 'ROSTER_OUTGOING_PRIVATE'],
    ['no certificates', { ROSTER_OUTGOING_CA: '/nowhere' }, 'ROSTER_OUTGOING_CA'],
  ])('with %s is a problem that its messages wait for', (_, env, name) => {
    const { sms } = routes({ ROSTER_SMS_WEBHOOK: url, ROSTER_WEBHOOK_SECRET: secret, ...env });
    expect(sms).toEqual({ by: 'nothing', problem: expect.stringContaining(name) });
    expect(JSON.stringify(sms)).not.toContain('hidden');
  });

  test('beside an SMTP server is one too many', () => {
    const env = { ...from, ROSTER_SMTP_URL: 'smtp://mail', ROSTER_MAIL_WEBHOOK: url, ROSTER_WEBHOOK_SECRET: secret };
    expect(routes(env).email).toMatchObject({ by: 'nothing', problem: expect.stringContaining('keep one') });
  });
});
