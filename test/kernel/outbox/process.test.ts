// The real process with real servers: killed while messages wait and while they are under way, and what it writes to its log.
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { simpleParser } from 'mailparser';
import postgres from 'postgres';
import { expect, onTestFinished, test, vi } from 'vitest';
import { unique } from '../../support/actors.ts';
import { createDatabase } from '../../support/database.ts';
import { codeIn } from '../../support/outbox.ts';
import { addressOf, type Child, end, startRoster, tokenIn, usersAt } from '../../support/process.ts';
import { scratch } from '../../support/scratch.ts';
import { certificateFile, type Smtp, startSmtp } from '../../support/smtp.ts';
import { startWebhook } from '../../support/webhook.ts';

const password = 'smtp-password-of-the-tests';

async function prepare(smtp: Smtp) {
  const database = await createDatabase();
  const dataDir = await mkdtemp(join(scratch, 'roster-outbox-'));
  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  onTestFinished(async () => {
    await sql.end();
    await database.drop();
    await rm(dataDir, { recursive: true, force: true });
  });
  const env = {
    DATABASE_URL: database.url,
    ROSTER_DATA: dataDir,
    ROSTER_LOG_LEVEL: 'trace',
    ROSTER_SMTP_URL: smtp.url,
    ROSTER_MAIL_FROM: 'users@example.com',
    ROSTER_OUTGOING_CA: certificateFile,
  };
  return { env, dataDir, sql };
}

async function queueMail(child: Child, dataDir: string, phone?: string): Promise<string> {
  await addressOf(child);
  const users = await usersAt(child, await tokenIn(dataDir));
  const email = `${unique('process')}@example.net`;
  await users.addHumanUser({
    profile: { givenName: 'Ada', familyName: 'Lovelace' },
    email: { email },
    ...(phone && { phone: { phone } }),
  });
  return email;
}

const eventually = (look: () => Promise<void>) => vi.waitFor(look, { timeout: 40_000, interval: 50 });

test('killed while mails wait and while one is under way, the next process sends them all, each once', async () => {
  let silent = true;
  const smtp = await startSmtp({ trouble: (stage) => (silent && stage === 'data' ? 'silence' : undefined) });
  const { env, dataDir, sql } = await prepare(smtp);
  const first = startRoster(env);
  const emails: string[] = [];
  // More than are under way at once.
  for (let mail = 0; mail < 7; mail++) emails.push(await queueMail(first, dataDir));
  await smtp.attempted(5);
  await end(first, 'SIGKILL');
  expect(smtp.messages).toEqual([]);
  silent = false;

  // As if five minutes had gone by.
  await sql`update outbox set due_at = now()`;
  startRoster(env);
  await eventually(async () => expect(await sql`select id from outbox`).toEqual([]));
  expect(smtp.messages.map(({ recipient }) => recipient).sort()).toEqual(emails.sort());
});

test('the log tells what happens to messages, and neither code nor address nor password nor secret', async () => {
  const login = { user: 'smtp-user-of-the-tests', password };
  let refusing = true;
  const smtp = await startSmtp({ login, trouble: (stage) => (refusing && stage === 'recipient' ? 451 : undefined) });
  const webhook = await startWebhook();
  const { env, dataDir, sql } = await prepare(smtp);
  const child = startRoster({ ...env, ROSTER_SMS_WEBHOOK: webhook.url, ...webhook.env });
  const phone = '+41791234567';
  const email = await queueMail(child, dataDir, phone);
  await child.line('could not be delivered');
  refusing = false;
  await sql`update outbox set due_at = now()`;
  await sql`select pg_notify('roster_outbox', '')`;
  const mail = await smtp.next();
  const sms = await webhook.next();
  await eventually(async () => expect(await sql`select id from outbox`).toEqual([]));
  expect(await end(child)).toBe(0);

  const said = child.output();
  expect(said).toMatch(/"kind":"verify-email".*the SMTP server refuses the recipient \(451\)/);
  expect(said).toContain('message delivered');
  const secrets = [email, phone, password, codeIn(mail.text), codeIn(sms.message.text), webhook.env.ROSTER_WEBHOOK_SECRET];
  for (const secret of secrets) expect(said).not.toContain(secret);
});

test('with broken mail settings it starts and serves; mails wait, and anybody can see that something is wrong', async () => {
  const { env, dataDir, sql } = await prepare(await startSmtp());
  const broken = startRoster({ ...env, ROSTER_SMTP_URL: 'smtp://nobody:secret-part@', ROSTER_SMS_WEBHOOK: 'sms.example.com' });
  await queueMail(broken, dataDir);
  const response = await fetch(`${await addressOf(broken)}/readyz`);
  const notices = { email: 'misconfigured', sms: 'misconfigured' };
  expect([response.status, await response.json()]).toEqual([200, { ready: true, checks: { database: true }, notices }]);
  expect(await end(broken)).toBe(0);
  expect(await sql`select attempts, dead_at from outbox`).toEqual([{ attempts: 0, dead_at: null }]);
  expect(broken.output()).not.toContain('secret-part');

  // In development, without any mail server, what waited becomes a file: the log says where, and not what. It is linked to
  // the port that this start found free.
  const mended = startRoster({ ...env, ROSTER_SMTP_URL: '' });
  const { file } = JSON.parse(await mended.line('message written'));
  expect(file).toBe(join(dataDir, 'outbox', '00000001-verify-email.txt'));
  await eventually(async () => expect(await sql`select id from outbox`).toEqual([]));
  const content = await readFile(file, 'utf8');
  const [link = ''] = /^http:\/\/\S+$/m.exec(content) ?? [];
  expect(link).toMatch(/\/ui\/\S+[?&]code=\w{6}\b\S*$/);
  expect(new URL(link).origin).toBe(await addressOf(mended));
  const mail = await simpleParser(await readFile(file.replace('.txt', '.eml')));
  expect(mail.html).toContain(codeIn(content));
  expect([(await stat(file)).mode & 0o777, (await stat(dirname(file))).mode & 0o777]).toEqual([0o600, 0o700]);
  expect(mended.output()).not.toContain(codeIn(content));
});
