// Passkeys and authenticator apps as people meet them: from the mail to the end, in a browser with an authenticator.
import { randomBytes } from 'node:crypto';
import type { JsonObject } from '@bufbuild/protobuf';
import { Secret, TOTP } from 'otpauth';
import type { Browser, Page } from 'playwright-core';
import { renderSVG } from 'uqr';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { verifyAssertion } from '../../src/features/passkey/assertion.ts';
import type { Kind } from '../../src/features/passkey/repository.ts';
import { transaction } from '../../src/kernel/call.ts';
import { operatorCall } from '../../src/system.ts';
import { passkeyPaths } from '../../src/web/passkey/paths.ts';
import { createHuman, unique } from '../support/actors.ts';
import { openSite } from '../support/browser.ts';
import { outcome } from '../support/errors.ts';
import { linkIn, messagesTo } from '../support/outbox.ts';
import { epoch, type TestServer } from '../support/server.ts';
import { addAuthenticator, createIn, getIn } from '../support/virtualAuthenticator.ts';
import { accessible, enter, expectUsable, picture, styleOf, tabTo, type Visitor, visitor } from '../support/visitor.ts';

let server: TestServer;
let browser: Browser;

beforeAll(async () => {
  ({ server, browser } = await openSite());
});

/** The clock of this file only goes on: what a network may try comes back with time. */
let now = epoch.getTime();
beforeEach(() => {
  now += 60_000;
  server.setTime(new Date(now));
});

interface Invited {
  userId: string;
  link: URL;
  /** What nobody but the reader of the mail may see. */
  code: string;
}

/** Somebody who got a link by mail. */
async function invited(): Promise<Invited> {
  const email = `${unique('reader')}@example.net`;
  const userId = await createHuman(server, { email: { email, verification: { case: 'isVerified', value: true } } });
  await server.as().users.createPasskeyRegistrationLink({ userId, medium: { case: 'sendLink', value: {} } });
  const [mail] = await messagesTo(server, email);
  const link = linkIn(mail);
  return { userId, link, code: link.searchParams.get('code') ?? '' };
}

/** Somebody whose browser runs scripts, on the same system wherever the tests run. */
const withScripts = () => visitor(browser, { javaScriptEnabled: true, userAgent: 'Mozilla/5.0 (X11; Linux x86_64) Chrome' });

const namesOf = async (userId: string): Promise<string[]> =>
  (await server.as().users.listPasskeys({ userId })).result.map(({ name }) => name);

/** The answer that was given last is the one that is shown. */
const said = async (page: Page, sentence: string): Promise<void> => {
  await accessible(page, 'alert').getByText(sentence).waitFor();
  expect(await page.title()).toBe('There is a problem: Create a passkey – Acme');
  expect(await accessible(page, 'status').textContent()).toBe('');
};

const pathsOf = ({ requests }: Visitor, method: string): string[] =>
  requests.filter((request) => request.method() === method).map((request) => new URL(request.url()).pathname);

/** Creates a passkey by keyboard. */
async function create(page: Page): Promise<void> {
  await tabTo(page, '#passkey button');
  await page.keyboard.press('Enter');
}

const ready = (page: Page) => accessible(page, 'heading', 'Your passkey is ready').waitFor();

test('a passkey is created: the mail, its link, the page; it is listed by its name, and removed', async () => {
  const { userId, link, code } = await invited();
  expect(link.href.startsWith(`${server.url}${passkeyPaths.page}?`)).toBe(true);
  const visit = await withScripts();
  const { page } = visit;
  await addAuthenticator(page, 'internal');

  await page.goto(link.href);
  expect(await page.title()).toBe('Create a passkey – Acme');
  expect(page.url()).toBe(`${server.url}${passkeyPaths.page}`);
  expect(await accessible(page, 'textbox', 'Name of the passkey').inputValue()).toBe('Passkey on Linux');
  expect(await page.locator('#unsupported').isVisible()).toBe(false);
  expect(await styleOf(page, '#passkey button', 'background-color')).toBe('rgb(29, 79, 191)');
  await expectUsable(visit, server.url, code);
  await picture(page, 'passkey-form');
  expect(await namesOf(userId)).toEqual([]);

  await tabTo(page, '#name');
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.type('Büro <1>');
  await page.keyboard.press('Enter');
  await ready(page);
  expect(await page.title()).toBe('Your passkey is ready – Acme');
  expect(await page.locator('h1:focus').count()).toBe(1);
  expect(await page.locator('button').count()).toBe(0);
  await expectUsable(visit, server.url, code);
  await picture(page, 'passkey-done');
  expect(pathsOf(visit, 'POST')).toEqual([passkeyPaths.start, passkeyPaths.finish]);
  expect(await namesOf(userId)).toEqual(['Büro <1>']);

  const { users } = server.as();
  const [passkey] = (await users.listPasskeys({ userId })).result;
  await users.removePasskey({ userId, passkeyId: passkey?.id ?? '' });
  expect(await namesOf(userId)).toEqual([]);
});

describe('a passkey is not created', () => {
  test('where the device has one already, and that is said', async () => {
    const { userId, link, code } = await invited();
    const visit = await withScripts();
    const { page } = visit;
    await addAuthenticator(page, 'internal');
    await page.goto(link.href);
    await create(page);
    await ready(page);

    const { users } = server.as();
    const { code: next } = await users.createPasskeyRegistrationLink({ userId, medium: { case: 'returnCode', value: {} } });
    link.searchParams.set('codeID', next?.id ?? '');
    link.searchParams.set('code', next?.code ?? '');
    await page.goto(link.href);
    await create(page);
    await said(page, 'This device has a passkey for your account already.');
    await expectUsable(visit, server.url, code, next?.code ?? '');
    await picture(page, 'passkey-known');
    expect(await namesOf(userId)).toEqual(['Passkey on Linux']);
  });

  test('when it is cancelled; it can be tried again without another link, and with another name', async () => {
    const { userId, link, code } = await invited();
    const visit = await withScripts();
    const { page } = visit;
    const authenticator = await addAuthenticator(page, 'internal');
    await authenticator.setVerified(false);
    await page.goto(link.href);
    await create(page);
    await said(page, 'No passkey was created');
    expect(await page.locator('#passkey button:focus').count()).toBe(1);
    expect(await page.locator('#instead').isVisible()).toBe(false);
    await expectUsable(visit, server.url, code);
    await picture(page, 'passkey-cancelled');

    await authenticator.setVerified(true);
    await page.locator('#name').fill('Second try');
    await page.keyboard.press('Enter');
    await ready(page);
    expect(pathsOf(visit, 'POST')).toEqual([passkeyPaths.start, passkeyPaths.finish]);
    expect(await namesOf(userId)).toEqual(['Second try']);
  });

  test('five minutes after it was begun, and no device is bothered', async () => {
    const { userId, link } = await invited();
    const visit = await withScripts();
    const { page } = visit;
    const authenticator = await addAuthenticator(page, 'internal');
    await authenticator.setVerified(false);
    await page.clock.install();
    await page.goto(link.href);
    await create(page);
    await said(page, 'No passkey was created');
    await authenticator.setVerified(true);
    await page.clock.fastForward('05:01');
    await page.keyboard.press('Enter');
    await said(page, 'This link does not work');
    expect(pathsOf(visit, 'POST')).toEqual([passkeyPaths.start]);
    expect(await namesOf(userId)).toEqual([]);
  });

  test('with a link that was used, or a wrong one', async () => {
    const { link, code } = await invited();
    const used = link.href;
    const first = await withScripts();
    await addAuthenticator(first.page, 'internal');
    await first.page.goto(used);
    await create(first.page);
    await ready(first.page);

    const visit = await withScripts();
    const { page } = visit;
    await addAuthenticator(page, 'internal');
    await page.goto(used);
    await create(page);
    await said(page, 'This link does not work: it is wrong, it was used already, or its time is over.');
    await expectUsable(visit, server.url, code);
    await picture(page, 'passkey-used');
    link.searchParams.set('code', 'abcdefABCDEF');
    await page.goto(link.href);
    await create(page);
    await said(page, 'This link does not work: it is wrong, it was used already, or its time is over.');
  });

  test('while the service is away; the device is asked once, and what it said is sent when the service is back', async () => {
    const { userId, link } = await invited();
    const visit = await withScripts();
    const { page } = visit;
    const authenticator = await addAuthenticator(page, 'internal');
    await page.goto(link.href);
    await page.route('**/start', (route) => route.abort());
    await create(page);
    await said(page, 'The service cannot answer right now. Try again in a minute.');
    await page.unroute('**/start');
    await page.route('**/finish', (route) => route.fulfill({ status: 502, contentType: 'text/html', body: '<p>Bad gateway' }));
    await page.keyboard.press('Enter');
    await said(page, 'The service cannot answer right now. Try again in a minute.');
    expect(pathsOf(visit, 'POST')).toEqual([passkeyPaths.start, passkeyPaths.start, passkeyPaths.finish]);
    await page.unroute('**/finish');
    await authenticator.setVerified(false);
    await page.keyboard.press('Enter');
    await ready(page);
    expect(await namesOf(userId)).toEqual(['Passkey on Linux']);
  });

  test('by a browser that lost its cookie; the next try has another one', async () => {
    const { userId, link } = await invited();
    const { page } = await withScripts();
    await addAuthenticator(page, 'internal');
    await page.goto(link.href);
    await page.context().clearCookies();
    await create(page);
    await said(page, 'This page was open for too long, or your browser keeps no cookies.');
    await page.keyboard.press('Enter');
    await ready(page);
    expect(await namesOf(userId)).toEqual(['Passkey on Linux']);
  });

  test('where the browser knows none, or runs no scripts: that is said, and there is another way', async () => {
    const { link, code } = await invited();
    const old = await withScripts();
    await old.page.addInitScript('delete window.PublicKeyCredential');
    for (const visit of [old, await visitor(browser)]) {
      const { page } = visit;
      await page.goto(link.href);
      await page.getByText('For a passkey this page needs scripts and a browser that knows passkeys.').waitFor();
      expect(await page.locator('#passkey').isVisible()).toBe(false);
      expect(await accessible(page, 'button').allTextContents()).toEqual(['Use an authenticator app instead']);
      await expectUsable(visit, server.url, code);
      await picture(page, 'passkey-unsupported');
    }
  });

  test('by a page at another host than the public URL’s', async () => {
    const { userId, link } = await invited();
    const { page } = await withScripts();
    await addAuthenticator(page, 'internal');
    await page.goto(link.href.replace(server.url, server.address));
    await create(page);
    // What is no domain cannot have passkeys, and is told so as any browser is that cannot.
    await said(page, 'No passkey can be created this way.');
    expect(await namesOf(userId)).toEqual([]);
  });

  test('twice, though the button is pressed twice; what is awaited is said meanwhile', async () => {
    const { userId, link } = await invited();
    const visit = await withScripts();
    const { page } = visit;
    await addAuthenticator(page, 'internal');
    await page.goto(link.href);
    const held = Promise.withResolvers<void>();
    await page.route('**/start', async (route) => {
      await held.promise;
      await route.continue();
    });
    await create(page);
    await accessible(page, 'status').getByText('Follow what your browser says.').waitFor();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    held.resolve();
    await ready(page);
    expect(pathsOf(visit, 'POST')).toEqual([passkeyPaths.start, passkeyPaths.finish]);
    expect(await namesOf(userId)).toHaveLength(1);
  });

  test('under a name of spaces', async () => {
    const { link } = await invited();
    const visit = await withScripts();
    const { page } = visit;
    await page.goto(link.href);
    await page.locator('#name').fill('   ');
    await create(page);
    expect(await page.locator('#name:invalid').count()).toBe(1);
    expect(pathsOf(visit, 'POST')).toEqual([]);
  });
});

test('the page speaks German to whom likes it so, its script too', async () => {
  const { link, code } = await invited();
  const visit = await visitor(browser, { javaScriptEnabled: true, locale: 'de-CH', colorScheme: 'dark' });
  const { page } = visit;
  const authenticator = await addAuthenticator(page, 'internal');
  await authenticator.setVerified(false);
  await page.goto(link.href);
  await create(page);
  await accessible(page, 'alert').getByText('Es wurde kein Passkey erstellt').waitFor();
  expect(await page.title()).toBe('Es gibt ein Problem: Passkey erstellen – Acme');
  expect(await styleOf(page, 'body', 'background-color')).toBe('rgb(20, 22, 27)');
  await expectUsable(visit, server.url, code);
  await authenticator.setVerified(true);
  await page.keyboard.press('Enter');
  await accessible(page, 'heading', 'Ihr Passkey ist bereit').waitFor();
});

/** What a sign-in will do: a challenge, the browser's answer, held against the stored key. */
describe('in the same browser the owner signs in', () => {
  const rpId = 'localhost';
  const challengeFor = () => randomBytes(32);
  const check = (userId: string, kind: Kind, challenge: Buffer, answer: JsonObject) =>
    transaction(operatorCall(server.app), (tx) =>
      verifyAssertion(tx, answer, { userId, kind, rpId, challenge, userVerification: true }, 'check'),
    );
  const ask = (page: Page, challenge: Buffer, allowCredentials: JsonObject[]) =>
    getIn(page, { challenge: challenge.toString('base64url'), rpId, allowCredentials, userVerification: 'required' });
  const counterOf = async (userId: string): Promise<number> => {
    const [row] = await server.sql<{ counter: string }[]>`select counter from webauthn_credentials where user_id = ${userId}`;
    return Number(row?.counter);
  };
  const keysOf = async (userId: string): Promise<JsonObject[]> => {
    const rows = await server.sql<{ id: Buffer }[]>`
      select credential_id as id from webauthn_credentials where user_id = ${userId}`;
    return rows.map(({ id }) => ({ type: 'public-key', id: id.toString('base64url') }));
  };

  test.each<[Kind, 'internal' | 'usb']>([
    ['passkey', 'internal'],
    ['u2f', 'usb'],
  ])(
    'with a %s, twice; the counter moves, an answer cannot be sent again and no copy of the key can be used',
    async (kind, transport) => {
      const { userId, link } = await invited();
      const { page } = await withScripts();
      const authenticator = await addAuthenticator(page, transport);
      await page.goto(link.href);
      if (kind === 'passkey') {
        await create(page);
        await ready(page);
      } else {
        const { users } = server.as();
        const { u2fId, publicKeyCredentialCreationOptions: options = {} } = await users.registerU2F({ userId });
        const publicKeyCredential = await createIn(page, options);
        await users.verifyU2FRegistration({ userId, u2fId, publicKeyCredential, tokenName: 'Key' });
      }
      const keys = await keysOf(userId);
      const registered = await authenticator.signCount();
      expect(await counterOf(userId)).toBe(registered);

      const challenge = challengeFor();
      const answer = await ask(page, challenge, keys);
      expect((await check(userId, kind, challenge, answer)).userVerified).toBe(true);
      const first = await counterOf(userId);
      expect(first).toBe(await authenticator.signCount());
      expect(first).toBeGreaterThan(registered);
      expect(await outcome(check(userId, kind, challenge, answer))).toBe('InvalidArgument WEBAUTHN_COUNTER_WRONG');
      expect(await outcome(check(userId, kind, challengeFor(), answer))).toBe('InvalidArgument WEBAUTHN_CHALLENGE_WRONG');

      const next = challengeFor();
      await check(userId, kind, next, await ask(page, next, keys));
      expect(await counterOf(userId)).toBeGreaterThan(first);

      await authenticator.setSignCount(registered);
      const copied = challengeFor();
      const late = await ask(page, copied, keys);
      expect(await outcome(check(userId, kind, copied, late))).toBe('InvalidArgument WEBAUTHN_COUNTER_WRONG');
    },
  );
});

describe('an authenticator app instead, without scripts', () => {
  const shownBy = (secret: string) => new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: now });
  const wrong = (digits: string) => (digits === '000000' ? '000001' : '000000');

  test('is scanned or typed in, a wrong try first; the link is used up with it', async () => {
    const { userId, link, code } = await invited();
    const visit = await visitor(browser);
    const { page } = visit;
    await page.goto(link.href);
    await tabTo(page, '#instead button');
    await enter(page);
    expect(await page.title()).toBe('Set up an authenticator app – Acme');
    const secret = ((await page.locator('#secret code').textContent()) ?? '').replaceAll(' ', '');
    expect(secret).toMatch(/^[A-Z2-7]{32}$/);
    const drawn = pathIn(await page.locator('.qr').innerHTML());
    expect(drawn).toMatch(/^M\d/);
    const { user } = await server.as().users.getUserByID({ userId });
    const uri = new TOTP({ issuer: 'Acme', label: user?.username ?? '', secret: Secret.fromBase32(secret) }).toString();
    expect(drawn).toBe(pathIn(renderSVG(uri, { border: 4 })));
    expect(await accessible(page, 'img', 'QR code for an authenticator app; the key below says the same').count()).toBe(1);
    await expectUsable(visit, server.url, code, secret);
    await picture(page, 'totp-form');

    await tabTo(page, '#digits');
    await page.keyboard.type(wrong(shownBy(secret)));
    await enter(page);
    expect(await page.title()).toBe('There is a problem: Set up an authenticator app – Acme');
    expect(await accessible(page, 'alert').textContent()).toContain('These are not the right digits.');
    expect(await page.locator('#digits:focus').count()).toBe(1);
    expect(await page.locator('#digits').getAttribute('aria-describedby')).toBe('problem');
    await expectUsable(visit, server.url, code, secret);
    await picture(page, 'totp-refused');

    await page.keyboard.type(shownBy(secret).replace(/(...)/, '$1 '));
    await enter(page);
    expect(await page.title()).toBe('Your authenticator app is ready – Acme');
    await expectUsable(visit, server.url, code, secret);
    await picture(page, 'totp-done');
    expect(await outcome(server.as().users.registerTOTP({ userId }))).toBe('AlreadyExists TOTP_EXISTS');

    await page.goto(link.href);
    await tabTo(page, '#instead button');
    await enter(page);
    expect(await accessible(page, 'alert').textContent()).toContain('This link does not work');
    await expectUsable(visit, server.url, code, secret);
  });

  test('can be begun again with another secret, and is refused to whom has one', async () => {
    const { userId, link, code } = await invited();
    const visit = await visitor(browser);
    const { page } = visit;
    const secretIn = async () => ((await page.locator('#secret code').textContent()) ?? '').replaceAll(' ', '');
    await page.goto(link.href);
    await tabTo(page, '#instead button');
    await enter(page);
    const first = await secretIn();
    await tabTo(page, '#digits');
    await page.keyboard.type('12345');
    await enter(page);
    expect(await accessible(page, 'alert').textContent()).toContain('Type the 6 digits that the app shows.');
    await accessible(page, 'button', 'Start again with a new key').focus();
    await enter(page);
    expect(await secretIn()).not.toBe(first);
    await page.locator('#digits').fill(shownBy(await secretIn()));
    await enter(page);
    expect(await page.title()).toBe('Your authenticator app is ready – Acme');

    const { users } = server.as();
    const { code: next } = await users.createPasskeyRegistrationLink({ userId, medium: { case: 'returnCode', value: {} } });
    link.searchParams.set('codeID', next?.id ?? '');
    link.searchParams.set('code', next?.code ?? '');
    await page.goto(link.href);
    await tabTo(page, '#instead button');
    await enter(page);
    expect(await accessible(page, 'alert').textContent()).toContain('You have an authenticator app already.');
    await expectUsable(visit, server.url, code);
    await picture(page, 'totp-exists');
  });
});

/** What a QR code draws. */
const pathIn = (svg: string): string | undefined => /\bd="([^"]+)"/.exec(svg)?.[1];
