// What a registration link leads to, without a browser: what is served, what is refused, and when the link is used up.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { JsonObject } from '@bufbuild/protobuf';
import { Secret, TOTP } from 'otpauth';
import { pino } from 'pino';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { de } from '../../src/web/de.ts';
import { en } from '../../src/web/en.ts';
import { maximumFormBytes } from '../../src/web/form.ts';
import { passkeyPaths } from '../../src/web/passkey/paths.ts';
import { servePages } from '../../src/web/servePages.ts';
import { totpPaths } from '../../src/web/totp/paths.ts';
import { createHuman } from '../support/actors.ts';
import { Authenticator } from '../support/authenticator.ts';
import { outcome } from '../support/errors.ts';
import { attribute, openPage, type Shown, sendForm, tagsOf, textOf } from '../support/pages.ts';
import { whileReadOnly } from '../support/readOnly.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
const origin = 'https://roster.example.com';
const scriptPath = '/ui/assets/passkey.js';
const oneText = en.registrationLink.link;
const minute = 60_000;

beforeAll(async () => {
  server = await startServer({ env: { ROSTER_PRODUCT_NAME: 'Acme <Notes>' } });
});

/** The clock of this file only goes on: what a network may try comes back with time. */
let now = epoch.getTime();
const pass = (ms: number) => {
  now += ms;
  server.setTime(new Date(now));
};
beforeEach(() => pass(2 * minute));

type Fields = Record<'userID' | 'codeID' | 'code', string>;

const linkOf = (fields: Partial<Fields>, at = server) =>
  `${at.address}${passkeyPaths.page}?${new URLSearchParams({ ...fields, orgID: '1' })}`;

/** Somebody who has a link, and the page that it leads to. */
async function invited(id?: string) {
  const userId = id ?? (await createHuman(server));
  const { code } = await server.as().users.createPasskeyRegistrationLink({
    userId,
    medium: { case: 'returnCode', value: {} },
  });
  const fields = { userID: userId, codeID: code?.id ?? '', code: code?.code ?? '' };
  const link = linkOf(fields);
  return { userId, fields, link, page: await openPage(link) };
}

const send = (path: string, page: Pick<Shown, 'fields' | 'cookie'>, typed: Record<string, string> = {}, at = server) =>
  sendForm(at.address + path, page, typed);

/** What an endpoint for the script answers. */
const told = ({ html }: Shown): JsonObject => JSON.parse(html);

const start = (page: Shown, typed: Partial<Fields> = {}) => send(passkeyPaths.start, page, typed);

/** The answer of an authenticator to what was started, ready to be sent. */
function answerTo(started: Shown, authenticator = new Authenticator()) {
  const { id, options } = told(started);
  if (typeof id !== 'string' || typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new Error(`nothing was started: ${started.html}`);
  }
  return { id, credential: JSON.stringify(authenticator.register(options, origin)) };
}

const namesOf = async (userId: string): Promise<string[]> =>
  (await server.as().users.listPasskeys({ userId })).result.map(({ name }) => name);

const secretIn = ({ html }: Shown): string => textOf(html, 'code').replaceAll(' ', '');
const shownBy = (secret: string) => new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: now });
const wrong = (digits: string) => (digits === '000000' ? '000001' : '000000');
const hasTotp = async (userId: string): Promise<boolean> =>
  (await outcome(server.as().users.registerTOTP({ userId }))) === 'AlreadyExists TOTP_EXISTS';

async function triesOf(userId: string, kind: 'code' | 'otp'): Promise<number> {
  const [row] = await server.sql<{ failures: number }[]>`
    select failures from guesses where user_id = ${userId} and kind = ${kind}`;
  return row?.failures ?? 0;
}

const endpoints = [passkeyPaths.start, passkeyPaths.finish, totpPaths.start, totpPaths.finish];

describe('the page', () => {
  test('runs one script, its own, and loads nothing else', async () => {
    const { page } = await invited();
    expect(page.status).toBe(200);
    expect(textOf(page.html, 'title')).toBe('Create a passkey – Acme <Notes>');
    expect(tagsOf(page.html, 'script')).toEqual([`<script src="${scriptPath}">`]);
    expect(page.html).not.toMatch(/\son\w+=|javascript:|<iframe|<img|<link|\sstyle=|https?:/i);
    const [ours, other] = tagsOf(page.html, 'form');
    expect(ours).toContain(' hidden ');
    expect(other).toBe(`<form id="instead" method="post" action="${totpPaths.start}">`);
  });

  test('allows what its script needs, and the rest as little as the other pages', async () => {
    const { headers } = (await invited()).page;
    expect(headers.get('content-security-policy')?.replace(/'sha256-[\w+/=]+'/, 'HASH')).toBe(
      "default-src 'none'; style-src HASH; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'x-frame-options': 'DENY',
      'cross-origin-opener-policy': 'same-origin',
    });
  });

  test('consumes nothing when it is looked at, however often, and asks the database nothing', async () => {
    const { link, page } = await invited();
    server.statements();
    for (let i = 0; i < 8; i++) {
      await openPage(link);
      await fetch(link, { method: 'HEAD' });
    }
    expect(server.statements()).toEqual([]);
    expect((await start(page)).status).toBe(200);
  });

  test.each<[string, Partial<Fields>]>([
    ['a user', { codeID: '1', code: 'x' }],
    ['the code’s id', { userID: '1', code: 'x' }],
    ['the code', { userID: '1', codeID: '1' }],
    ['a user that can be one', { userID: '1'.repeat(201), codeID: '1', code: 'x' }],
    ['a code that can be one', { userID: '1', codeID: '1', code: 'x'.repeat(201) }],
    ['text without NUL', { userID: '1\0', codeID: '1', code: 'x' }],
  ])('says that a link without %s is not complete', async (_, fields) => {
    const { status, html } = await openPage(linkOf(fields));
    expect(status).toBe(400);
    expect(textOf(html, 'main')).toContain(en.incomplete);
  });

  test('shows what the link and the browser say as text', async () => {
    const evil = `"><script>alert(1)</script>'{device}`;
    const { html, fields } = await openPage(linkOf({ userID: evil, codeID: evil, code: evil }), { 'user-agent': evil });
    expect(tagsOf(html, 'script')).toEqual([`<script src="${scriptPath}">`]);
    expect(fields).toMatchObject({ userID: evil, codeID: evil, code: evil, name: 'Passkey' });
  });

  test.each([
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X)', 'Passkey on iPhone'],
    ['Mozilla/5.0 (Linux; Android 16; Pixel 9)', 'Passkey on Android'],
    ['Mozilla/5.0 (Windows NT 10.0; Win64; x64)', 'Passkey on Windows'],
    ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)', 'Passkey on Mac'],
    ['curl/8', 'Passkey'],
  ])('in %s proposes the name %s', async (userAgent, name) => {
    expect((await openPage(linkOf({ userID: '1', codeID: '1', code: 'x' }), { 'user-agent': userAgent })).fields.name).toBe(name);
  });

  test('can be used by everybody: a language, one heading, a label, and places where its script tells what happens', async () => {
    const { html } = (await invited()).page;
    expect(html).toContain('<html lang="en">');
    expect(tagsOf(html, 'h1')).toHaveLength(1);
    const visible = tagsOf(html, 'input').filter((tag) => attribute(tag, 'type') !== 'hidden');
    expect(visible.map((tag) => attribute(tag, 'id'))).toEqual(tagsOf(html, 'label').map((tag) => attribute(tag, 'for')));
    expect(html).toContain('<div id="alert" role="alert"></div>');
    expect(html).toContain('<div id="status" role="status"></div>');
  });
});

describe('the script', () => {
  const url = () => server.address + scriptPath;

  test('is served as one, whole, and only sent again when it has changed', async () => {
    const response = await fetch(url());
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('cache-control')).toBe('no-cache');
    expect(response.headers.get('set-cookie')).toBeNull();
    expect(await response.text()).toBe(await readFile(new URL('../../src/web/assets/passkey.js', import.meta.url), 'utf8'));
    const etag = response.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\w-]{43}"$/);
    for (const known of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const again = await fetch(url(), { headers: { 'if-none-match': known } });
      expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag]);
    }
    expect((await fetch(url(), { headers: { 'if-none-match': '"x"' } })).status).toBe(200);
  });

  test('is only read', async () => {
    const response = await fetch(url(), { method: 'POST' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect((await fetch(url(), { method: 'HEAD' })).headers.get('content-length')).toBe(
      String((await (await fetch(url())).arrayBuffer()).byteLength),
    );
  });
});

describe.each(endpoints)('what is sent to %s', (path) => {
  test('is sent by a form of ours, or does nothing', async () => {
    const { page } = await invited();
    server.statements();
    for (const site of ['cross-site', 'same-site']) {
      const refused = await sendForm(server.address + path, page, {}, { 'sec-fetch-site': site });
      expect(refused).toMatchObject({ status: 403, html: '' });
    }
    for (const cookie of ['', `__Host-roster-form=${'A'.repeat(43)}`]) {
      const refused = await send(path, { ...page, cookie });
      expect(refused.status).toBe(403);
      expect(refused.headers.get('set-cookie')).toMatch(/; HttpOnly; SameSite=Strict; Secure$/);
      expect(refused.html).toContain('Please try again.');
    }
    expect((await send(path, page, { token: '' })).status).toBe(403);
    expect(server.statements()).toEqual([]);
  });

  test('is a form, and not a long one', async () => {
    const { page } = await invited();
    const post = (body: string, type = 'application/x-www-form-urlencoded') =>
      fetch(server.address + path, { method: 'POST', headers: { cookie: page.cookie, 'content-type': type }, body });
    server.statements();
    const fields = new URLSearchParams(page.fields).toString();
    expect((await post(JSON.stringify(page.fields), 'application/json')).status).toBe(415);
    expect((await post(`${fields}&x=${'x'.repeat(maximumFormBytes)}`)).status).toBe(413);
    expect((await post(`${fields}&x=%00`)).status).toBe(400);
    expect(server.statements()).toEqual([]);
  });

  test('is not read from an address', async () => {
    const { fields } = await invited();
    const response = await fetch(`${server.address}${path}?${new URLSearchParams(fields)}`);
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  });

  test('without a user, an id or a code is refused before anything is looked at', async () => {
    const { page } = await invited();
    server.statements();
    for (const missing of path === passkeyPaths.finish ? ['credential'] : ['userID', 'codeID', 'code']) {
      expect((await send(path, page, { [missing]: '' })).status).toBe(400);
    }
    expect(server.statements()).toEqual([]);
  });
});

describe('a passkey by the link', () => {
  test('is begun once, and finished under a name', async () => {
    const { userId, page } = await invited();
    const started = await start(page);
    expect(started.status).toBe(200);
    expect(started.headers.get('content-type')).toBe('application/json');
    expect(started.headers.get('cache-control')).toBe('no-store');
    expect(told(started)).toMatchObject({ options: { publicKey: { rp: { name: 'Acme <Notes>', id: 'roster.example.com' } } } });
    expect(await start(page)).toMatchObject({ status: 422, html: JSON.stringify({ problem: oneText }) });
    const finished = await send(passkeyPaths.finish, page, { ...answerTo(started), name: ' Büro ' });
    expect([finished.status, told(finished)]).toEqual([200, {}]);
    expect(await namesOf(userId)).toEqual(['Büro']);
  });

  test('is begun once, however many begin at a time', async () => {
    const { page } = await invited();
    const statuses = (await Promise.all(Array.from({ length: 8 }, () => start(page)))).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
  });

  test('is refused in one way to whatever is wrong with the link or its user', async () => {
    const late = await invited();
    pass(61 * minute);
    const { page, fields } = await invited();
    const other = await invited();
    const locked = await invited();
    await server.as().users.lockUser({ userId: locked.userId });
    const inactive = await invited();
    await server.as().users.deactivateUser({ userId: inactive.userId });
    const answers = [
      await start(page, { code: 'abcdefABCDEF' }),
      await start(page, { codeID: other.fields.codeID }),
      await start(page, { userID: other.userId }),
      await start(page, { userID: 'nobody' }),
      await start(late.page),
      await start(locked.page),
      await start(inactive.page),
    ];
    for (const { status, html } of answers) expect([status, html]).toEqual([422, JSON.stringify({ problem: oneText })]);
    expect((await start(page, fields)).status).toBe(200);
  });

  test('is not finished by somebody who was locked in between, after its time, by another user or a second time', async () => {
    const { userId, page } = await invited();
    const other = await invited();
    const finish = (typed: Record<string, string>) => send(passkeyPaths.finish, page, typed);
    const answer = answerTo(await start(page));
    const refusal = { status: 422, html: JSON.stringify({ problem: oneText }) };
    expect(await finish({ ...answer, userID: other.userId })).toMatchObject(refusal);
    expect(await finish({ ...answer, id: '1' })).toMatchObject(refusal);
    expect(await finish({ ...answer, credential: '{}' })).toMatchObject(refusal);
    await server.as().users.lockUser({ userId });
    expect(await finish(answer)).toMatchObject(refusal);
    await server.as().users.unlockUser({ userId });
    expect(await finish(answer)).toMatchObject({ status: 200 });
    expect(await finish(answer)).toMatchObject(refusal);
    expect(await namesOf(userId)).toHaveLength(1);

    const slow = answerTo(await start(other.page));
    pass(5 * minute);
    expect(await send(passkeyPaths.finish, other.page, slow)).toMatchObject(refusal);
    expect(await namesOf(other.userId)).toEqual([]);
  });

  test.each([
    ['no name', { name: ' ' }, en.passkey.nameWrong],
    ['a long name', { name: 'x'.repeat(201) }, en.passkey.nameWrong],
    ['what is no JSON', { credential: '{' }, oneText],
    ['a list', { credential: '[]' }, oneText],
    ['a text', { credential: '"x"' }, oneText],
  ])('with %s is refused, and can be finished then', async (_, typed, problem) => {
    const { userId, page } = await invited();
    const answer = answerTo(await start(page));
    const refused = await send(passkeyPaths.finish, page, { ...answer, ...typed });
    expect([refused.status, told(refused)]).toEqual([400, { problem }]);
    expect((await send(passkeyPaths.finish, page, { ...answer, name: '書'.repeat(200) })).status).toBe(200);
    expect(await namesOf(userId)).toEqual(['書'.repeat(200)]);
  });

  test('makes a guesser wait, says how long, and lets the owner in after it', async () => {
    const { userId, page } = await invited();
    for (const path of [passkeyPaths.start, totpPaths.start, totpPaths.finish, passkeyPaths.start]) {
      expect((await send(path, page, { code: 'abcdefABCDEF', digits: '123456' })).status).toBe(422);
    }
    expect(await triesOf(userId, 'code')).toBe(4);
    const refused = await start(page);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '120']);
    expect(told(refused)).toEqual({ problem: 'There were too many wrong tries. Try again in 2 minutes.' });
    pass(2 * minute);
    expect((await start(page)).status).toBe(200);
  });

  test('is not to be had where the public URL is no domain; that is said', async () => {
    const beside = await startServer({ beside: server, env: { ROSTER_PUBLIC_URL: 'http://127.0.0.1:8080' } });
    const { link, page } = await invited();
    const shown = await openPage(link.replace(server.address, beside.address));
    const refused = await send(passkeyPaths.start, shown, {}, beside);
    expect([refused.status, told(refused)]).toEqual([422, { problem: en.refusals.RELYING_PARTY_INVALID }]);
    expect((await start(page)).status).toBe(200);
  });

  test('speaks German to whom likes it so', async () => {
    const { page, link } = await invited();
    const german = { 'accept-language': 'de-CH' };
    expect(textOf((await openPage(link, german)).html, 'h1')).toBe('Passkey erstellen');
    const refused = await sendForm(server.address + passkeyPaths.start, page, { code: 'abcdefABCDEF' }, german);
    expect(told(refused)).toEqual({ problem: de.registrationLink.link });
  });
});

describe('an authenticator app by the link', () => {
  const begin = (page: Shown) => send(totpPaths.start, page);
  const finish = (page: Shown, digits: string) => send(totpPaths.finish, page, { digits });

  test('leaves the link good until the app is ready; a wrong try counts', async () => {
    const { userId, page } = await invited();
    await begin(page);
    const begun = await begin(page);
    expect(begun.status).toBe(200);
    expect(tagsOf(begun.html, 'svg')).toHaveLength(1);
    expect(begun.html).not.toMatch(/<script|\sstyle=/);
    expect(begun.headers.get('content-security-policy')).not.toContain('script-src');
    const digits = shownBy(secretIn(begun));
    const refused = await finish(page, wrong(digits));
    expect(refused.status).toBe(422);
    expect(textOf(refused.html, 'a')).toBe(en.totp.wrong);
    expect([await triesOf(userId, 'otp'), await triesOf(userId, 'code')]).toEqual([1, 0]);
    expect(await hasTotp(userId)).toBe(false);
  });

  test('is ready with the right digits, which forgive wrong ones and use up the link', async () => {
    const { userId, page } = await invited();
    const digits = shownBy(secretIn(await begin(page)));
    await finish(page, wrong(digits));
    const done = await finish(page, ` ${digits.slice(0, 3)} ${digits.slice(3)}`);
    expect([done.status, textOf(done.html, 'h1')]).toEqual([200, en.totp.doneTitle]);
    expect(await triesOf(userId, 'otp')).toBe(0);
    expect(await hasTotp(userId)).toBe(true);
    for (const path of endpoints.filter((each) => each !== passkeyPaths.finish)) {
      const again = await send(path, page, { digits });
      expect(again.status).toBe(422);
      expect(again.html).toContain(oneText);
    }
  });

  test('is ready once, however many finish at a time', async () => {
    const { page } = await invited();
    const digits = shownBy(secretIn(await begin(page)));
    const statuses = (await Promise.all(Array.from({ length: 8 }, () => finish(page, digits)))).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
  });

  test('uses up neither link nor wait where the digits can be none', async () => {
    const { userId, page } = await invited();
    const secret = secretIn(await begin(page));
    for (const digits of ['', '12345', '1234567', 'abcdef', '１２３４５６']) {
      const refused = await finish(page, digits);
      expect([refused.status, textOf(refused.html, 'a')]).toEqual([422, en.totp.incomplete]);
    }
    expect(await triesOf(userId, 'otp')).toBe(0);
    expect((await finish(page, shownBy(secret))).status).toBe(200);
  });

  test('makes a guesser of digits wait; the link stays good', async () => {
    const { userId, page } = await invited();
    const secret = secretIn(await begin(page));
    for (let i = 0; i < 5; i++) expect((await finish(page, wrong(shownBy(secret)))).status).toBe(422);
    const refused = await finish(page, shownBy(secret));
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    expect(textOf(refused.html, 'main')).toContain('Try again in 1 second.');
    pass(2000);
    expect((await finish(page, shownBy(secret))).status).toBe(200);
    expect(await hasTotp(userId)).toBe(true);
  });

  test.each(['lockUser', 'deactivateUser'] as const)('is refused at the end too after %s', async (call) => {
    const { userId, page } = await invited();
    const secret = secretIn(await begin(page));
    await server.as().users[call]({ userId });
    const refused = await finish(page, shownBy(secret));
    expect(refused.status).toBe(422);
    expect(textOf(refused.html, 'main')).toContain(oneText);
    expect((await begin(page)).status).toBe(422);
    await server.as().users[call === 'lockUser' ? 'unlockUser' : 'reactivateUser']({ userId });
    expect((await finish(page, shownBy(secret))).status).toBe(200);
  });

  test('is refused to whom has one, and before it was begun; the link stays good for a passkey', async () => {
    const { userId, page } = await invited();
    const before = await finish(page, '123456');
    expect(textOf(before.html, 'main')).toContain(en.refusals.TOTP_NOT_FOUND);
    const { secret } = await server.as().users.registerTOTP({ userId });
    await server.as().users.verifyTOTPRegistration({ userId, code: shownBy(secret) });
    const refused = await begin(page);
    expect([refused.status, tagsOf(refused.html, 'form')]).toEqual([422, []]);
    expect(textOf(refused.html, 'main')).toContain(en.refusals.TOTP_EXISTS);
    expect(textOf((await finish(page, shownBy(secret))).html, 'main')).toContain(en.refusals.TOTP_READY);
    expect((await start(page)).status).toBe(200);
  });

  test('of another user is not begun or finished with this one’s link', async () => {
    const { page } = await invited();
    const other = await invited();
    const secret = secretIn(await begin(other.page));
    expect((await send(totpPaths.start, page, { userID: other.userId })).status).toBe(422);
    expect((await send(totpPaths.finish, page, { userID: other.userId, digits: shownBy(secret) })).status).toBe(422);
    expect(await hasTotp(other.userId)).toBe(false);
  });
});

test('no line of the log holds what a link, a form, an answer or a cookie held', async () => {
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => lines.push(line) });
  const pages = servePages(
    { ...server.app, log },
    () => 'test',
    () => {},
  );
  const http = createServer(pages).listen(0, '127.0.0.1');
  onTestFinished(() => void http.close());
  await once(http, 'listening');
  const address = http.address();
  const { link, fields } = await invited();
  const url = new URL(link);
  url.port = typeof address === 'object' ? String(address?.port) : '';
  const page = await openPage(url.href);
  const post = (path: string, typed: Record<string, string> = {}) => sendForm(url.origin + path, page, typed);
  const secret = secretIn(await post(totpPaths.start));
  await post(totpPaths.finish, { digits: wrong(shownBy(secret)) });
  const answer = answerTo(await post(passkeyPaths.start));
  await post(passkeyPaths.finish, { ...answer, credential: '{}' });
  await post(passkeyPaths.finish, answer);
  const logged = lines.map((line) => JSON.parse(line)).map(({ page, status }) => [page, status]);
  expect(logged).toEqual([
    ['passkey', 200],
    ['totp start', 200],
    ['totp finish', 422],
    ['passkey start', 200],
    ['passkey finish', 422],
    ['passkey finish', 200],
  ]);
  const secrets = [fields.code, fields.codeID, secret, wrong(shownBy(secret)), page.fields.token ?? 'none', 'clientDataJSON'];
  for (const each of secrets) expect(lines.join('')).not.toContain(each);
});

test('while the database takes no writes, the script is told so, and the link is good afterwards', async () => {
  const { page } = await invited();
  await whileReadOnly(server, async () => {
    const refused = await start(page);
    expect([refused.status, told(refused)]).toEqual([503, { problem: en.registrationLink.away }]);
    expect((await send(totpPaths.start, page)).status).toBe(503);
  });
  await expect.poll(async () => (await start(page)).status, { timeout: 30_000 }).toBe(200);
});
