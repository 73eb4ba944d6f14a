// The pages as people meet them: from the mail to the end, in a browser without scripts, by keyboard alone.
import type { Browser, Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { createHuman, readHuman, unique } from '../support/actors.ts';
import { openSite } from '../support/browser.ts';
import { outcome } from '../support/errors.ts';
import { codeIn, linkIn, messagesTo } from '../support/outbox.ts';
import type { TestServer } from '../support/server.ts';
import { accessible, enter, expectUsable, picture, styleOf, tabTo, visitor } from '../support/visitor.ts';

const right = 'Xylophon-7-Regenbogen';

let server: TestServer;
let browser: Browser;

beforeAll(async () => {
  ({ server, browser } = await openSite());
});

/** Fills in a new password by keyboard and sends it. */
async function typeTwice(page: Page, password = right): Promise<void> {
  await tabTo(page, '#password');
  await page.keyboard.type(password);
  await tabTo(page, '#repeat');
  await page.keyboard.type(password);
  await tabTo(page, 'button');
  await enter(page);
}

const address = () => `${unique('reader')}@example.net`;
const title = (page: Page) => page.title();
test('an e-mail address is verified: the mail, its link, the page; the link works once', async () => {
  const email = address();
  const userId = await createHuman(server, { email: { email, verification: { case: 'sendCode', value: {} } } });
  const [mail] = await messagesTo(server, email);
  const link = linkIn(mail);
  expect(link.href.startsWith(`${server.url}/ui/login/mail/verification?`)).toBe(true);
  const visit = await visitor(browser);
  const { page } = visit;

  await page.goto(link.href);
  expect(await title(page)).toBe('Verify your e-mail address – Acme');
  expect(await accessible(page, 'textbox', 'Code from the message').inputValue()).toBe(codeIn(mail));
  expect(await styleOf(page, 'button', 'background-color')).toBe('rgb(29, 79, 191)');
  await expectUsable(visit, server.url, codeIn(mail));
  await picture(page, 'email-form');
  expect((await readHuman(server, userId)).email.isVerified).toBe(false);

  await tabTo(page, '#code');
  await tabTo(page, 'button');
  await enter(page);
  expect(await title(page)).toBe('Your e-mail address is verified – Acme');
  expect((await readHuman(server, userId)).email.isVerified).toBe(true);
  await expectUsable(visit, server.url, codeIn(mail));
  await picture(page, 'email-done');
  expect(visit.requests.map((request) => request.method())).toEqual(['GET', 'POST']);

  await page.goto(link.href);
  await tabTo(page, '#code');
  await enter(page);
  expect(await title(page)).toBe('There is a problem: Verify your e-mail address – Acme');
  expect(await accessible(page, 'alert').textContent()).toContain('This code does not work');
  expect(await page.locator('#code').getAttribute('aria-describedby')).toBe('problem');
  await expectUsable(visit, server.url, codeIn(mail));
  await picture(page, 'email-problem');
});

test('a password is reset: one that breaks a rule is refused where it was typed, the next one is taken', async () => {
  const email = address();
  const userId = await createHuman(server, { email: { email, verification: { case: 'isVerified', value: true } } });
  await server.as().users.passwordReset({ userId, medium: { case: 'sendLink', value: {} } });
  const [mail] = await messagesTo(server, email);
  const visit = await visitor(browser);
  const { page } = visit;

  await page.goto(linkIn(mail).href);
  expect(await title(page)).toBe('Choose a new password – Acme');
  await picture(page, 'password-form');
  await typeTwice(page, 'aB-4567');
  expect(await title(page)).toBe('There is a problem: Choose a new password – Acme');
  expect(await accessible(page, 'alert').textContent()).toContain('it needs at least 8 characters');
  expect(await page.locator('#password:focus').count()).toBe(1);
  await expectUsable(visit, server.url, codeIn(mail));
  await picture(page, 'password-refused');

  await page.keyboard.type(right);
  await tabTo(page, '#repeat');
  await page.keyboard.type(`${right}!`);
  await tabTo(page, 'button');
  await enter(page);
  expect(await accessible(page, 'alert').textContent()).toContain('The two passwords are not the same.');
  // The focus is on the second field: the first one comes before it.
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.type(right);
  await tabTo(page, '#repeat');
  await page.keyboard.type(right);
  await enter(page);
  expect(await title(page)).toBe('Your password is changed – Acme');
  await expectUsable(visit, server.url, codeIn(mail));
  await picture(page, 'password-done');
  const proof = { case: 'currentPassword', value: right } as const;
  const newPassword = { password: `${right}-next` };
  expect(await outcome(server.as().users.setPassword({ userId, newPassword, verification: proof }))).toBe('ok');
  expect((await messagesTo(server, email, 2))[1]).toContain('Your password was changed');
});

test('an invitation is accepted, once, and shown in German and in the dark to whom likes it so', async () => {
  const email = address();
  const verification = { case: 'isVerified', value: false } as const;
  const userId = await createHuman(server, { email: { email, verification } });
  await server.as().users.createInviteCode({ userId, verification: { case: 'sendCode', value: {} } });
  const [mail] = await messagesTo(server, email);

  const german = await visitor(browser, { locale: 'de-CH', colorScheme: 'dark' });
  await german.page.goto(linkIn(mail).href);
  expect(await title(german.page)).toBe('Einladung annehmen – Acme');
  expect(await german.page.locator('html').getAttribute('lang')).toBe('de');
  expect(await styleOf(german.page, 'body', 'background-color')).toBe('rgb(20, 22, 27)');
  for (const name of ['Neues Passwort', 'Neues Passwort, noch einmal']) {
    expect(await accessible(german.page, 'textbox', name).count()).toBe(1);
  }

  const english = await visitor(browser);
  await english.page.goto(linkIn(mail).href);
  await picture(english.page, 'invite-form');
  await typeTwice(english.page);
  expect(await title(english.page)).toBe('Your account is ready – Acme');
  await expectUsable(english, server.url, codeIn(mail));
  await picture(english.page, 'invite-done');
  expect((await readHuman(server, userId)).email.isVerified).toBe(true);

  await typeTwice(german.page);
  expect(await accessible(german.page, 'alert').textContent()).toContain('Dieser Code geht nicht');
  await expectUsable(german, server.url, codeIn(mail));
});

test('who guesses is told when to try again', async () => {
  const visit = await visitor(browser);
  const { page } = visit;
  await page.goto(`${server.url}/ui/login/mail/verification?userID=nobody&code=ZZZZZZ`);
  for (let i = 0; i < 6; i++) {
    await page.locator('#code').focus();
    await enter(page);
  }
  expect(await accessible(page, 'alert').textContent()).toContain('There were too many wrong tries. Try again in 2 minutes.');
  await expectUsable(visit, server.url, 'ZZZZZZ');
  await picture(page, 'email-wait');
});
