// The example of examples/browser as people meet it: its page in a browser, its login backend, and Roster behind both.
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Secret, TOTP } from 'otpauth';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { loginBackend } from '../examples/browser/backend.ts';
import { bundlePage } from '../examples/browser/bundle.ts';
import { createDemo, type Demo } from '../examples/browser/demo.ts';
import { launchBrowser } from './support/browser.ts';
import { outcome } from './support/errors.ts';
import { end, run } from './support/process.ts';
import { epoch, startServer, type TestServer } from './support/server.ts';
import { addAuthenticator, createIn } from './support/virtualAuthenticator.ts';
import { accessible, type Visitor, visitor } from './support/visitor.ts';

let server: TestServer;
let browser: Browser;
let origin: string;

const web = createServer();

beforeAll(async () => {
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  const address = web.address();
  if (typeof address !== 'object' || !address) throw new Error('the page has no port');
  origin = `http://localhost:${address.port}`;
  server = await startServer({ env: { ROSTER_PUBLIC_URL: '', ROSTER_CORS_ORIGINS: origin } });
  const { serviceToken } = await createDemo(server.url, server.token);
  const files = await bundlePage(server.url);
  web.on('request', loginBackend({ rosterUrl: server.url, serviceToken, origin, files }));
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser.close();
  web.closeAllConnections();
  web.close();
});

/** The clock of this file only goes on: what was tried in one test is no matter in the next. */
let now = epoch.getTime();
const pass = (seconds: number) => {
  now += seconds * 1000;
  server.setTime(new Date(now));
};
beforeEach(() => pass(60));

interface Visit extends Visitor {
  demo: Demo;
  /** The tokens that the page has sent to Roster, the last one last. */
  tokens: string[];
}

/** Somebody new at the page. */
async function visit(): Promise<Visit> {
  const demo = await createDemo(server.url, server.token);
  const visited = await visitor(browser, { javaScriptEnabled: true });
  const tokens: string[] = [];
  visited.page.on('request', async (request) => {
    const { authorization } = request.headers();
    if (authorization) tokens.push(authorization.replace('Bearer ', ''));
  });
  await visited.page.goto(origin);
  await heading(visited.page, 'Sign in');
  return { ...visited, demo, tokens };
}

const heading = (page: Page, text: string) => accessible(page, 'heading', text).waitFor();
const press = (page: Page, button: string) => accessible(page, 'button', button).click();
const said = (page: Page, sentence: string) => accessible(page, 'alert').getByText(sentence, { exact: true }).waitFor();

async function signIn(page: Page, { loginName, password }: Pick<Demo, 'loginName' | 'password'>): Promise<void> {
  await page.getByLabel('Name', { exact: true }).fill(loginName);
  await page.getByLabel('Password').fill(password);
  await press(page, 'Sign in');
}

const entered = (page: Page, { loginName }: Demo, name = 'Ada Lovelace') => heading(page, `You are ${name} (${loginName})`);

const codeOf = (secret: string) => new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: now });

async function typeCode(page: Page, code: string): Promise<void> {
  await page.getByLabel('Code of your authenticator app').fill(code);
  await press(page, 'Continue');
}

test('a person signs in by password, sets up an authenticator app, and needs it from then on', async () => {
  const { page, demo, complaints } = await visit();
  await signIn(page, demo);
  await entered(page, demo);

  await press(page, 'Set up an authenticator app');
  await page.locator('#qr[src]').waitFor();
  expect(await page.locator('#qr').evaluate((image) => image.naturalWidth)).toBeGreaterThan(0);
  const secret = (await page.locator('#secret').textContent()) ?? '';
  const code = codeOf(secret);
  await page.getByLabel('Code that the app shows').fill(code);
  await press(page, 'Confirm');
  await heading(page, 'One more step');
  expect(await accessible(page, 'button').allTextContents()).toEqual(['Continue', 'Cancel']);
  await typeCode(page, code);
  await said(page, 'The code is wrong, or was used already: wait for the next one.');
  pass(30);
  await typeCode(page, codeOf(secret));
  await entered(page, demo);
  await press(page, 'Sign out');
  await heading(page, 'Sign in');

  pass(30);
  await signIn(page, demo);
  await heading(page, 'One more step');
  // Neither a reload nor the address gets round it.
  await page.reload();
  await heading(page, 'One more step');
  await typeCode(page, codeOf(secret));
  await entered(page, demo);
  await page.reload();
  await entered(page, demo);
  expect(complaints).toEqual([]);
});

test('a wrong name or password is said to be wrong, and which is not; after too many, how long to wait', async () => {
  const { page, demo } = await visit();
  const wrong = 'The name or the password is wrong.';
  await signIn(page, { loginName: `${demo.loginName}x`, password: demo.password });
  await said(page, wrong);
  for (let tries = 0; tries < 5; tries++) {
    await signIn(page, { loginName: demo.loginName, password: `wrong ${tries}` });
    await said(page, wrong);
    expect(await page.getByLabel('Password').inputValue()).toBe('');
  }
  await signIn(page, demo);
  await said(page, 'There were too many tries. Try again in 1 s.');
  pass(1);
  await signIn(page, demo);
  await entered(page, demo);
});

test('the person changes the given name himself; what Roster does not take is said', async () => {
  const { page, demo } = await visit();
  await signIn(page, demo);
  await entered(page, demo);
  await page.getByLabel('Given name').fill('A'.repeat(201));
  await press(page, 'Save');
  await accessible(page, 'alert').getByText('given_name').waitFor();
  await page.getByLabel('Given name').fill('Augusta');
  await press(page, 'Save');
  await entered(page, demo, 'Augusta Lovelace');
  const { user } = await server.as().users.getUserByID({ userId: demo.userId });
  expect(user?.type.value).toMatchObject({ profile: { givenName: 'Augusta' } });
  // Roster knows who it was.
  const [row] = await server.sql`select caller_id from user_events where user_id = ${demo.userId} order by sequence desc limit 1`;
  expect(row).toEqual({ caller_id: demo.userId });
});

describe('with a passkey', () => {
  const counterOf = async ({ userId }: Demo): Promise<number> => {
    const [row] = await server.sql<{ counter: string }[]>`select counter from webauthn_credentials where user_id = ${userId}`;
    return Number(row?.counter);
  };

  async function withPasskey() {
    const visited = await visit();
    const { page, demo } = visited;
    const authenticator = await addAuthenticator(page, 'internal');
    await page.goto(demo.passkeyLink);
    await press(page, 'Create passkey');
    await heading(page, 'Your passkey is ready');
    await page.goto(origin);
    await heading(page, 'Sign in');
    await page.getByLabel('Name', { exact: true }).fill(demo.loginName);
    return { ...visited, authenticator };
  }

  test('a person signs in, without a password and with two factors in one; a copy of it is refused', async () => {
    const { page, demo, authenticator } = await withPasskey();
    const registered = await authenticator.signCount();
    await press(page, 'Sign in with a passkey');
    await entered(page, demo);
    const first = await counterOf(demo);
    expect(first).toBeGreaterThan(registered);
    expect(first).toBe(await authenticator.signCount());

    await press(page, 'Sign out');
    await page.getByLabel('Name', { exact: true }).fill(demo.loginName);
    await authenticator.setSignCount(registered - 1);
    await press(page, 'Sign in with a passkey');
    await said(page, 'The passkey or key was not accepted.');
    expect(await counterOf(demo)).toBe(first);
    await authenticator.setSignCount(first);
    await press(page, 'Sign in with a passkey');
    await entered(page, demo);
  });

  test('whoever has one needs it beside the password, too', async () => {
    const { page, demo } = await withPasskey();
    await signIn(page, demo);
    await heading(page, 'One more step');
    expect(await accessible(page, 'button').allTextContents()).toEqual(['Use your passkey', 'Cancel']);
    await press(page, 'Use your passkey');
    await entered(page, demo);
  });

  test('that is not there, or not shown, nobody gets in', async () => {
    const { page, demo, authenticator } = await withPasskey();
    await authenticator.setVerified(false);
    await press(page, 'Sign in with a passkey');
    await said(page, 'Nothing was signed: cancelled, or no passkey or key that fits.');
    await page.reload();
    await said(page, 'Your session has ended. Sign in again.');
    for (const loginName of ['nobody', (await createDemo(server.url, server.token)).loginName]) {
      await page.getByLabel('Name', { exact: true }).fill(loginName);
      await press(page, 'Sign in with a passkey');
      await said(page, 'There is no passkey for this name.');
    }
    expect(await counterOf(demo)).toBe(await authenticator.signCount());
  });
});

test('a security key stands beside the password; a copy of it does not', async () => {
  const { page, demo } = await visit();
  const authenticator = await addAuthenticator(page, 'usb');
  const { users } = server.as();
  const { u2fId, publicKeyCredentialCreationOptions: options = {} } = await users.registerU2F({ userId: demo.userId });
  const publicKeyCredential = await createIn(page, options);
  await users.verifyU2FRegistration({ userId: demo.userId, u2fId, publicKeyCredential, tokenName: 'Key' });
  const registered = await authenticator.signCount();

  await signIn(page, demo);
  await heading(page, 'One more step');
  expect(await accessible(page, 'button').allTextContents()).toEqual(['Use your security key', 'Cancel']);
  await press(page, 'Use your security key');
  await entered(page, demo);
  await press(page, 'Sign out');

  await signIn(page, demo);
  await heading(page, 'One more step');
  await authenticator.setSignCount(registered);
  await press(page, 'Use your security key');
  await said(page, 'The passkey or key was not accepted.');
  await press(page, 'Cancel');
  await heading(page, 'Sign in');
});

describe('a session ends', () => {
  test('with signing out: its token opens nothing any more, nor does the cookie', async () => {
    const { page, demo, tokens } = await visit();
    await signIn(page, demo);
    await entered(page, demo);
    const cookies = await page.context().cookies(`${origin}/sign-in/`);
    expect(cookies).toMatchObject([{ name: 'login', httpOnly: true, sameSite: 'Strict', path: '/sign-in' }]);
    const self = server.as(tokens.at(-1));
    expect((await self.users.getUserByID({ userId: demo.userId })).user?.userId).toBe(demo.userId);
    await press(page, 'Sign out');
    await heading(page, 'Sign in');
    expect(await outcome(self.users.getUserByID({ userId: demo.userId }))).toBe('Unauthenticated UNAUTHENTICATED');
    expect(await page.context().cookies(`${origin}/sign-in/`)).toEqual([]);
    await page.context().addCookies(cookies);
    await page.reload();
    await said(page, 'Your session has ended. Sign in again.');
  });

  test.each([
    ['time', () => pass(8 * 60 * 60)],
    ['an administrator', ({ userId }: Demo) => server.as().users.deactivateUser({ userId })],
  ])('by %s: the person is asked to sign in again', async (_, endIt) => {
    const { page, demo } = await visit();
    await signIn(page, demo);
    await entered(page, demo);
    await endIt(demo);
    await press(page, 'Save');
    await said(page, 'Your session has ended. Sign in again.');
    await heading(page, 'Sign in');
  });

  test('when somebody else signs in with the same browser', async () => {
    const { page, demo, tokens } = await visit();
    await signIn(page, demo);
    await entered(page, demo);
    const before = tokens.at(-1) ?? '';
    const other = await page.context().newPage();
    await other.route('**/sign-in/resume', (route) => route.fulfill({ contentType: 'application/json', body: 'null' }));
    await other.goto(origin);
    const next = await createDemo(server.url, server.token);
    await signIn(other, next);
    await entered(other, next);
    expect(await outcome(server.as(before).users.getUserByID({ userId: demo.userId }))).toBe('Unauthenticated UNAUTHENTICATED');
  });
});

describe('pages of other origins', () => {
  /** Text of a script, as tests know no browser's types. */
  const fetchIn = (page: Page, url: string, headers: Record<string, string>) =>
    page.evaluate<string>(`fetch(${JSON.stringify(url)}, { method: 'POST', headers: ${JSON.stringify(headers)}, body: '{}' })
      .then(async (response) => response.status + ' ' + await response.text(), (error) => error.name)`);
  const json = { 'content-type': 'application/json' };

  test('read nothing from Roster, though they have a token', async () => {
    const { page, demo, tokens } = await visit();
    await signIn(page, demo);
    await entered(page, demo);
    const listed = `${server.url}/zitadel.user.v2.UserService/ListUsers`;
    const headers = { ...json, authorization: `Bearer ${tokens.at(-1)}` };
    expect(await fetchIn(page, listed, headers)).toContain(demo.loginName);
    // The same page by another name is another origin; its own policy would let it.
    await page.goto(origin.replace('localhost', '127.0.0.1'));
    expect(await fetchIn(page, listed, headers)).toBe('TypeError');
  });

  test('sign nobody in, and get no token', async () => {
    const { page, demo, complaints } = await visit();
    await signIn(page, demo);
    await entered(page, demo);
    const resume = `${origin}/sign-in/resume`;
    expect(await fetchIn(page, resume, json)).toContain('"token"');
    await page.goto(origin.replace('localhost', '127.0.0.1'));
    await said(page, 'Only the page itself may ask this.');
    expect(complaints).toEqual([]);

    const [cookie] = await page.context().cookies(resume);
    const post = async (headers: Record<string, string>) =>
      (await fetch(resume, { method: 'POST', headers: { cookie: `login=${cookie?.value}`, ...headers }, body: '{}' })).status;
    expect(await post({ ...json, origin })).toBe(200);
    expect(await post({ ...json, origin: server.url })).toBe(403);
    expect(await post(json)).toBe(403);
    expect(await post({ 'content-type': 'text/plain', origin })).toBe(403);
    const preflight = await fetch(resume, { method: 'OPTIONS', headers: { origin: server.url } });
    expect([...preflight.headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
  });
});

describe('the login backend', () => {
  const post = (action: string, body: string, cookie = '') => {
    const headers = { origin, cookie, 'content-type': 'application/json' };
    return fetch(`${origin}/sign-in/${action}`, { method: 'POST', headers, body });
  };
  const cookieOf = (response: Response) => response.headers.getSetCookie()[0]?.split(';')[0] ?? '';

  test('lets nobody go on in a session without its token, nor with a name alone', async () => {
    const demo = await createDemo(server.url, server.token);
    const begun = cookieOf(await post('password', JSON.stringify(demo)));
    expect((await post('resume', '{}', begun)).status).toBe(200);
    const guessed = `${begun.split('.')[0]}.roster_session_${'A'.repeat(43)}`;
    for (const action of ['resume', 'totp', 'challenge', 'secondFactors', 'assertion']) {
      expect([action, (await post(action, '{"assertion": "{}"}', guessed)).status]).toEqual([action, 401]);
    }
    expect((await post('signOut', '{}', guessed)).status).toBe(200);
    expect((await post('resume', '{}', begun)).status).toBe(200);

    const { users } = server.as();
    const visited = await visitor(browser, { javaScriptEnabled: true });
    await addAuthenticator(visited.page, 'internal');
    await visited.page.goto(demo.passkeyLink);
    await press(visited.page, 'Create passkey');
    await heading(visited.page, 'Your passkey is ready');
    expect((await users.listPasskeys({ userId: demo.userId })).result).toHaveLength(1);
    const named = cookieOf(await post('passkey', JSON.stringify(demo)));
    for (const action of ['resume', 'totp', 'challenge', 'secondFactors']) {
      expect([action, (await post(action, '{}', named)).status]).toEqual([action, 401]);
    }
  });

  test('answers nonsense', async () => {
    expect((await post('password', '')).status).toBe(400);
    expect((await post('password', '{')).status).toBe(400);
    expect((await post('password', 'null')).status).toBe(422);
    expect((await post('password', '{"loginName": 1, "password": {}}')).status).toBe(422);
    expect((await post('password', JSON.stringify({ loginName: 'x'.repeat(70_000) }))).status).toBe(400);
    expect((await post('constructor', '{}')).status).toBe(404);
    expect((await fetch(`${origin}/backend.ts`)).status).toBe(404);
    expect((await fetch(`${origin}/sign-in/password`)).status).toBe(404);
  });
});

describe('one command starts everything, and leaves nothing when it ends', () => {
  const main = fileURLToPath(new URL('../examples/browser/main.ts', import.meta.url));

  /** Signs in as the output says, and ends it. */
  async function startAndEnd(env: NodeJS.ProcessEnv): Promise<void> {
    const child = run(main, [], { env: { PATH: process.env.PATH, PORT: '0', ...env } });
    // Killed at once, it would leave its Postgres behind.
    onTestFinished(async () => {
      if (child.process.kill('SIGTERM')) await child.exited;
    });
    const page = (await child.line('Open ')).replace('Open ', '');
    const headers = { origin: page, 'content-type': 'application/json' };
    const shown = async (label: string) => (await child.line(`  ${label} `)).replace(label, '').trim();
    const body = JSON.stringify({ loginName: await shown('name'), password: await shown('password') });
    const answer = await fetch(`${page}/sign-in/password`, { method: 'POST', headers, body });
    expect(await answer.json()).toEqual({ token: expect.stringMatching(/^roster_session_/), userId: expect.any(String) });
    expect(await end(child)).toBe(0);
  }

  test('with a Roster of its own', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'roster-examples-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await startAndEnd({ TMPDIR: folder });
    expect(await readdir(folder)).toEqual([]);
  });

  test('with one that runs already', async () => {
    const usersThere = async () => (await server.as().users.listUsers({})).details?.totalResult;
    const before = await usersThere();
    await startAndEnd({ ROSTER_URL: server.url, ROSTER_TOKEN: server.token });
    expect(await usersThere()).toBe(before);
  });
});
