import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHuman, unique } from '../../support/actors.ts';
import { startServer, type TestServer } from '../../support/server.ts';
import { certificateFile, type Smtp, startSmtp } from '../../support/smtp.ts';
import { isSigned, startWebhook, type Webhook } from '../../support/webhook.ts';

let smtp: Smtp;
let webhook: Webhook;
let server: TestServer;

beforeAll(async () => {
  smtp = await startSmtp({}, afterAll);
  webhook = await startWebhook(() => 204, afterAll);
  server = await startServer({
    env: {
      ROSTER_SMTP_URL: smtp.url,
      ROSTER_MAIL_FROM: 'Example <users@example.com>',
      ROSTER_OUTGOING_CA: certificateFile,
      ROSTER_SMS_WEBHOOK: webhook.url,
      ...webhook.env,
    },
  });
});

test('a mail arrives', async () => {
  const email = `${unique('mail')}@example.net`;
  await createHuman(server, { email: { email } });
  const mail = await smtp.next();
  expect(mail.recipient).toBe(email);
  expect(mail.text).toContain('Your code is');
});

test('an SMS arrives', async () => {
  await createHuman(server, { phone: { phone: '+41791234567' } });
  const posted = await webhook.next();
  expect(isSigned(posted)).toBe(true);
});
