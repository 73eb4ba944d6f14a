import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pagePaths } from '../../src/kernel/links.ts';
import { createHuman, createOrganization, leaveCode, readHuman, unique } from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { messagesTo } from '../support/outbox.ts';
import { attribute, fillPage, openPage, sendForm, tagsOf, textOf } from '../support/pages.ts';
import { whileReadOnly } from '../support/readOnly.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ env: { ROSTER_PRODUCT_NAME: 'Acme <Notes>' } });
});

/** The clock of this file only goes on: what a network may try comes back with time. */
let now = epoch.getTime();
const pass = (ms: number) => {
  now += ms;
  server.setTime(new Date(now));
};

beforeEach(() => pass(60_000));

type PageName = 'email' | 'password' | 'invite';
const names: PageName[] = ['email', 'password', 'invite'];
const right = 'Xylophon-7-Regenbogen';
const typed = (password = right) => ({ password, repeat: password });

const linkTo = (name: PageName, userId: string, code = 'ABC123') =>
  `${server.address}${pagePaths[name]}?userID=${encodeURIComponent(userId)}&code=${encodeURIComponent(code)}&orgID=1`;

/** A person who has the code of a page, and the link to it. */
async function invited(name: PageName, organizationId?: string) {
  const email = `${unique('reader')}@example.net`;
  const verification = { case: 'isVerified', value: false } as const;
  const userId = await createHuman(server, { ...(organizationId && { organizationId }), email: { email, verification } });
  await leaveCode(server, userId, name, 'ABC123');
  return { userId, email, link: linkTo(name, userId) };
}

const signsInWith = (userId: string, password: string) =>
  outcome(
    server.as().users.setPassword({
      userId,
      newPassword: { password: `${right}-next` },
      verification: { case: 'currentPassword', value: password },
    }),
  );

const isVerified = async (userId: string) => (await readHuman(server, userId)).email.isVerified;

describe.each(names)('the page %s', (name) => {
  test('shows a form that needs no script, loads nothing and leads nowhere else', async () => {
    const { link, userId } = await invited(name);
    const { status, html, fields } = await openPage(link);
    expect(status).toBe(200);
    expect(fields).toMatchObject({ userID: userId, code: 'ABC123' });
    expect(html).not.toMatch(/<script|\son\w+=|javascript:|<iframe|<img|<link|src=|https?:/i);
    expect(tagsOf(html, 'form')).toEqual([`<form method="post" action="${pagePaths[name]}">`]);
    expect(tagsOf(html, 'a')).toEqual([]);
  });

  test('has headers that keep its address and its content to itself', async () => {
    const { headers } = await openPage(linkTo(name, '1'));
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy.replace(/'sha256-[\w+/=]+'/, 'HASH')).toBe(
      "default-src 'none'; style-src HASH; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'cross-origin-opener-policy': 'same-origin',
    });
    expect(headers.get('connection')).not.toBe('close');
  });

  test('can be used by everybody: a language, one heading, a label for each field, and what browsers may fill in', async () => {
    const { html } = await openPage(linkTo(name, '1'));
    expect(html).toContain('<html lang="en">');
    expect(tagsOf(html, 'h1')).toHaveLength(1);
    expect(textOf(html, 'title')).toBe(`${textOf(html, 'h1')} – Acme <Notes>`);
    const visible = tagsOf(html, 'input').filter((tag) => attribute(tag, 'type') !== 'hidden');
    const labels = tagsOf(html, 'label').map((tag) => attribute(tag, 'for'));
    expect(visible.map((tag) => attribute(tag, 'id'))).toEqual(labels);
    const autocomplete = ['one-time-code', ...(name === 'email' ? [] : ['new-password', 'new-password'])];
    expect(visible.map((tag) => attribute(tag, 'autocomplete'))).toEqual(autocomplete);
  });

  test('consumes nothing when it is looked at, however often, and asks the database nothing', async () => {
    const { link, userId } = await invited(name);
    server.statements();
    for (let i = 0; i < 8; i++) {
      await openPage(link);
      await fetch(link, { method: 'HEAD' });
    }
    expect(server.statements()).toEqual([]);
    expect((await fillPage(link, typed())).status).toBe(200);
    expect(await isVerified(userId)).toBe(name !== 'password');
  });

  test('does what it is for, once', async () => {
    const { link, userId } = await invited(name);
    const done = await fillPage(link, typed());
    expect(done.status).toBe(200);
    expect(tagsOf(done.html, 'form')).toEqual([]);
    expect(textOf(done.html, 'h1')).toMatch(/verified|changed|ready/);
    expect(textOf(done.html, 'title')).toContain(textOf(done.html, 'h1'));
    const again = await fillPage(link, typed(`${right}-2`));
    expect(again.status).toBe(422);
    expect(textOf(again.html, 'title')).toMatch(/^There is a problem: /);
    if (name !== 'email') expect(await signsInWith(userId, right)).toBe('ok');
  });

  test('says the same of a wrong code, an old one, a used one and of nobody', async () => {
    const { userId } = await invited(name);
    const late = await invited(name);
    const used = await invited(name);
    await fillPage(used.link, typed());
    const other = await invited(name, await createOrganization(server));
    await server.as().users.deactivateUser({ userId: other.userId });
    const told = [await fillPage(linkTo(name, userId, 'ZZZZZZ'), typed())];
    told.push(await fillPage(linkTo(name, '999', 'ZZZZZZ'), typed()));
    told.push(await fillPage(linkTo(name, other.userId, 'ZZZZZZ'), typed()));
    told.push(await fillPage(linkTo(name, used.userId, 'ABC123'), typed()));
    pass(2 * 60 * 60 * 1000);
    told.push(await fillPage(late.link, typed()));
    const forms = told.map(({ status, html }) => [status, html.replace(/ value="[^"]*"/g, '')]);
    expect(new Set(forms.map((form) => JSON.stringify(form)))).toHaveLength(1);
    expect(told[0]).toMatchObject({ status: 422 });
    expect(textOf(told[0]?.html ?? '', 'main')).toContain('it is wrong, it was used already, or its time is over');
  });

  test('makes a guesser wait, says how long, and lets the owner in after it', async () => {
    const { link, userId } = await invited(name);
    const wrong = linkTo(name, userId, 'ZZZZZZ');
    for (let i = 0; i < 4; i++) expect((await fillPage(wrong, typed())).status).toBe(422);
    const refused = await fillPage(link, typed());
    expect(refused).toMatchObject({ status: 429 });
    expect(refused.headers.get('retry-after')).toBe('120');
    expect(textOf(refused.html, 'main')).toContain('Try again in 2 minutes.');
    pass(120_000);
    expect((await fillPage(link, typed())).status).toBe(200);
  });

  test('tells a link that lacks somebody, and a form that does, from one that does not work', async () => {
    const { html, status } = await openPage(`${server.address}${pagePaths[name]}?code=ABC123`);
    expect(status).toBe(400);
    expect(textOf(html, 'main')).toContain('This link is not complete.');
    const form = await openPage(linkTo(name, '1'));
    for (const userID of ['', '1'.repeat(201)]) expect((await sendForm(linkTo(name, '1'), form, { userID })).status).toBe(400);
    for (const code of ['', '  ', 'A'.repeat(21)]) {
      const refused = await sendForm(linkTo(name, '1'), form, { code, ...typed() });
      expect(refused.status).toBe(422);
    }
  });

  test('shows what the link says as text', async () => {
    const evil = `"><script>alert(1)</script>'{code}`;
    const { html, fields } = await openPage(linkTo(name, evil, evil));
    expect(html).not.toContain('<script');
    expect(fields).toMatchObject({ userID: evil, code: evil });
    expect(html).toContain('Acme &#60;Notes&#62;');
  });

  test('repeats nothing of what a request says of its host', async () => {
    const evil = 'evil.example';
    const headers = {
      'x-forwarded-host': evil,
      'x-forwarded-proto': 'gopher',
      forwarded: `host=${evil};proto=gopher`,
      origin: `https://${evil}`,
      referer: `https://${evil}/`,
      'x-original-url': `https://${evil}/`,
    };
    const plain = await openPage(linkTo(name, '1'));
    const { html, headers: answered, status } = await openPage(linkTo(name, '1'), { ...headers, cookie: plain.cookie });
    expect(status).toBe(200);
    expect(html).toBe(plain.html);
    expect(JSON.stringify([...answered])).not.toMatch(/evil|gopher/);
  });
});

describe.each(['password', 'invite'] as const)('a password on the page %s', (name) => {
  test.each([
    ['aB-4567', 'The password is too short: it needs at least 8 characters.', 'password'],
    ['AB-45678', 'The password needs a lower-case letter from a to z.', 'password'],
    ['ab-45678', 'The password needs an upper-case letter from A to Z.', 'password'],
    ['aB-cdefg', 'The password needs a digit from 0 to 9.', 'password'],
    ['aBc45678', 'The password needs a character that is neither a letter from A to Z nor a digit.', 'password'],
    ['P@ssw0rd', 'This password is one of those that are guessed first. Choose another one.', 'password'],
    ['Lovelace-1815', 'The password contains your name, user name or e-mail address. Choose another one.', 'password'],
    ['', 'Type a password.', 'password'],
    [`aB-4${'5'.repeat(197)}`, 'The password may have at most 200 characters.', 'password'],
  ])('%s is refused with the rule it breaks, and burns no code', async (password, problem, field) => {
    const { link, userId } = await invited(name);
    const refused = await fillPage(link, typed(password));
    expect(refused.status).toBe(422);
    expect(textOf(refused.html, 'title')).toMatch(/^There is a problem: /);
    expect(tagsOf(refused.html, 'a')).toEqual([`<a href="#${field}">`]);
    expect(textOf(refused.html, 'a')).toBe(problem);
    const [wrong, ...others] = tagsOf(refused.html, 'input').filter((tag) => attribute(tag, 'aria-invalid') === 'true');
    expect(others).toEqual([]);
    expect(attribute(wrong ?? '', 'id')).toBe(field);
    expect(refused.html).toContain(`id="${attribute(wrong ?? '', 'aria-describedby')}"`);
    expect(refused.fields).toMatchObject({ code: 'ABC123', password: '', repeat: '' });
    expect(await isVerified(userId)).toBe(false);
    expect((await sendForm(link, refused, typed())).status).toBe(200);
    expect(await signsInWith(userId, right)).toBe('ok');
  });

  test('is typed twice, in any script and with any spaces', async () => {
    const { link, userId } = await invited(name);
    const form = await openPage(link);
    const differing = await sendForm(link, form, { password: right, repeat: `${right} ` });
    expect(differing.status).toBe(422);
    expect(textOf(differing.html, 'a')).toBe('The two passwords are not the same.');
    const password = ' Zwölf+Bücher&1=% 書 ';
    expect((await sendForm(link, form, typed(password))).status).toBe(200);
    expect(await signsInWith(userId, password)).toBe('ok');
  });
});

test('a new password is told to its owner, the link of the page before is dead', async () => {
  const { link, userId, email } = await invited('password');
  await server.sql`update users set email_verified = true where id = ${userId}`;
  expect((await fillPage(link, typed())).status).toBe(200);
  const [mail] = await messagesTo(server, email);
  expect(mail).toContain('Your password was changed');
  await leaveCode(server, userId, 'invite', 'ABC123');
  const needless = await fillPage(linkTo('invite', userId), typed());
  expect(needless.status).toBe(422);
  expect(textOf(needless.html, 'main')).toContain('You have a password already');
});

describe('the language', () => {
  test.each([
    ['de', 'de'],
    ['de-CH,de;q=0.9,en;q=0.8', 'de'],
    ['fr, de;q=0.5, en;q=0.4', 'de'],
    ['en;q=0.3, DE-at;q=0.4', 'de'],
    ['en, de', 'en'],
    ['de;q=0, fr', 'en'],
    ['fr', 'en'],
    ['*', 'en'],
    [';;q=,,=;q=x', 'en'],
  ])('that "%s" asks for is %s', async (accepted, language) => {
    const { html } = await openPage(linkTo('email', '1'), { 'accept-language': accepted });
    expect(html).toContain(`<html lang="${language}">`);
    expect(textOf(html, 'h1')).toBe(language === 'de' ? 'E-Mail-Adresse bestätigen' : 'Verify your e-mail address');
  });

  test('holds for what goes wrong and for what is done', async () => {
    const german = { 'accept-language': 'de' };
    const { link } = await invited('password');
    const form = await openPage(link, german);
    const refused = await sendForm(link, form, typed('aB-4567'), german);
    expect(textOf(refused.html, 'a')).toBe('Das Passwort ist zu kurz: Es braucht mindestens 8 Zeichen.');
    expect(textOf(refused.html, 'title')).toMatch(/^Es gibt ein Problem: /);
    expect(textOf((await sendForm(link, form, { code: 'ZZZZZZ', ...typed() }, german)).html, 'a')).toContain(
      'Dieser Code geht nicht',
    );
    for (let i = 0; i < 3; i++) await sendForm(link, form, { code: 'ZZZZZZ', ...typed() }, german);
    expect(textOf((await sendForm(link, form, typed(), german)).html, 'main')).toContain('wieder in 2 Minuten.');
    pass(120_000);
    expect(textOf((await sendForm(link, form, typed(), german)).html, 'h1')).toBe('Ihr Passwort ist geändert');
  });
});

test('while the database takes no writes, the page says so, and the code is good afterwards', async () => {
  const { link } = await invited('password');
  await whileReadOnly(server, async () => {
    const refused = await fillPage(link, typed());
    expect(refused.status).toBe(503);
    expect(textOf(refused.html, 'main')).toContain('The service cannot answer right now');
  });
  await expect.poll(async () => (await fillPage(link, typed())).status, { timeout: 30_000 }).toBe(200);
});
