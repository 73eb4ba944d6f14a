// Intents: how a sign-in at an identity provider begins and ends, who may read what came of it, and the session check.
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { beforeAll, describe, expect, test } from 'vitest';
import { createHuman, createInstanceManager, createStranger, homeOf, unique } from '../support/actors.ts';
import { brokenFields, outcome } from '../support/errors.ts';
import { addOidc, begin, during, failureUrl, land, type Proof, start, succeed } from '../support/journeys.ts';
import { signInAt, startProvider, type TestProvider } from '../support/oidcProvider.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';
import { byId, loginOf, type Sessions } from '../support/signIn.ts';

let server: TestServer;
let provider: TestProvider;
let sessions: Sessions;
let idp: string;

beforeAll(async () => {
  // The public URL is then where it listens.
  server = await startServer({ env: { ROSTER_PUBLIC_URL: '', ROSTER_OUTGOING_PRIVATE: '127.0.0.1' } });
  provider = await startProvider(`${server.url}/idps/callback`);
  sessions = await loginOf(server);
  idp = await addOidc(server, provider);
});

const minute = 60_000;
const retrieve = (proof: Proof) => server.as().users.retrieveIdentityProviderIntent(proof);
/** A session of somebody who signed in there. */
const signIn = (userId: string, idpIntent: Proof) => sessions.createSession({ checks: { user: byId(userId), idpIntent } });

const nowhere = { status: 400, at: '', parameters: {} };
const unknown = 'PermissionDenied INTENT_UNKNOWN';
const over = 'FailedPrecondition INTENT_NOT_SUCCEEDED';

/** Moves the clock for as long as the work takes. */
async function later(ms: number, work: () => Promise<void>): Promise<void> {
  server.setTime(new Date(epoch.getTime() + ms));
  await work().finally(() => server.setTime(epoch));
}

/** Switches a provider off for as long as the work takes: no call does. */
async function switchedOff(id: string, work: () => Promise<void>): Promise<void> {
  await server.sql`update identity_providers set state = 'inactive' where id = ${id}`;
  await work().finally(() => server.sql`update identity_providers set state = 'active' where id = ${id}`);
}

/** Somebody linked to the account of that name. */
async function linked(login: string, provider = idp): Promise<string> {
  const userId = await createHuman(server);
  await server.as().users.addIDPLink({ userId, idpLink: { idpId: provider, userId: login, userName: login } });
  return userId;
}

describe('a sign-in begins', () => {
  test('for any caller, on the instance', async () => {
    const stranger = await createStranger(server);
    const urls = { successUrl: `${server.url}/done`, failureUrl: `${server.url}/failed` };
    const { details, nextStep } = await stranger.users.startIdentityProviderIntent({
      idpId: idp,
      content: { case: 'urls', value: urls },
    });
    const [instance] = await server.sql<{ id: string }[]>`select id from instances`;
    expect(details).toMatchObject({ sequence: 1n, resourceOwner: instance?.id });
    expect(nextStep.case).toBe('authUrl');
  });

  test('under an id that nobody guesses: whoever knows it can end it', async () => {
    const [first, second] = [await begin(server, idp), await begin(server, idp)].map(({ id }) => id);
    expect([first, second]).toEqual([expect.stringMatching(/^\d{18}$/), expect.stringMatching(/^\d{18}$/)]);
    const apart = Number(BigInt(first ?? 0) - BigInt(second ?? 0));
    expect(Math.abs(apart)).toBeGreaterThan(1e10);
  });

  test('at a provider that there is, which is switched on, and in one of the ways', async () => {
    expect(await outcome(start(server, 'none'))).toBe('FailedPrecondition PROVIDER_UNKNOWN');
    await switchedOff(idp, async () => {
      expect(await outcome(start(server, idp))).toBe('FailedPrecondition PROVIDER_INACTIVE');
    });
    const { users } = server.as();
    expect(await outcome(users.startIdentityProviderIntent({ idpId: idp }))).toBe('Unimplemented NOT_IMPLEMENTED');
    const ldap = { case: 'ldap', value: { username: 'grace', password: 'x' } } as const;
    expect(await outcome(users.startIdentityProviderIntent({ idpId: idp, content: ldap }))).toBe(
      'FailedPrecondition PROVIDER_NOT_DIRECTORY',
    );
  });

  const evil = [
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)//app.example.com',
    'data:text/html,<script>alert(1)</script>',
    'vbscript:x',
    'file:///etc/passwd',
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    'https:evil.example',
    'https:/evil.example',
    '/relative',
    'app.example.com/done',
    'http://app.example.com/',
    'http://localhost/done',
    'http://localhost.evil.example/',
    'https://app.example.com@evil.example/',
    'https://app.example.com:x@evil.example/',
    'https://app.example.com%40evil.example/',
    'https://evil.example\\@app.example.com/',
    'https://evil.example#@app.example.com/',
    'https://evil.example?app.example.com',
    'https://app.example.com.evil.example/',
    'https://app.example.com:444/',
    'https://app.example.com./',
    'https://аpp.example.com/',
    'https://app。example.com/',
    'https://APP.example.com%2fevil.example/',
    'https://evil.example',
    'https://app.example.com/\r\nset-cookie: a=b',
    'https://app.example.com/\nx',
    'https://app.example.com/\t',
    ' https://app.example.com/',
    'https://app.example.com/\u202e',
    'https://app.example.com/{{.UserID}}',
    'https://',
    '',
  ];
  test('only with URLs that people may be sent to: each that is none is refused by its field', async () => {
    const strict = await startServer({
      env: { ROSTER_LINK_HOSTS: 'app.example.com', ROSTER_OUTGOING_PRIVATE: '127.0.0.1' },
    });
    const idpId = await addOidc(strict, provider);
    const good = 'https://app.example.com/done?a=b#c';
    const ask = (successUrl: string, failureUrl: string) =>
      strict.as().users.startIdentityProviderIntent({ idpId, content: { case: 'urls', value: { successUrl, failureUrl } } });
    expect(await outcome(ask(good, 'https://roster.example.com/failed'))).toBe('ok');
    expect(await outcome(ask('https://evil.example', good))).toBe('InvalidArgument URL_TEMPLATE_INVALID');
    for (const url of evil) {
      expect([url, await brokenFields(ask(url, good))]).toEqual([url, ['urls.success_url']]);
      expect([url, await brokenFields(ask(good, url))]).toEqual([url, ['urls.failure_url']]);
    }
  });
});

describe('a sign-in ends', () => {
  /** Somebody who has signed in there, on the way back. */
  async function onTheWay(provider = idp): Promise<{ id: string; callback: string; login: string }> {
    const login = unique('grace');
    const { id, url } = await begin(server, provider);
    return { id, callback: await signInAt(url.href, login), login };
  }

  test('nowhere when nobody knows of it', async () => {
    const { callback } = await onTheWay();
    const states = ['', 'unknown', '\0', '%00', 'x'.repeat(5000), "' or true --"];
    for (const state of states) {
      const wrong = new URL(callback);
      wrong.searchParams.set('state', state);
      expect(await land(wrong.href)).toEqual(nowhere);
    }
    expect(await land(`${server.url}/idps/callback`)).toEqual(nowhere);
    expect((await land(callback)).status).toBe(303);
  });

  test('at another journey with nothing: what was made for one is refused by the other', async () => {
    const [mine, other] = [await onTheWay(), await onTheWay()];
    const mixed = new URL(mine.callback);
    mixed.searchParams.set('state', other.id);
    expect(await land(mixed.href)).toMatchObject({ at: failureUrl(server), parameters: { id: other.id, error: 'server_error' } });
  });

  test('once: the same answer again leads nowhere, and the provider is not asked again', async () => {
    const { id, callback } = await onTheWay();
    const { parameters } = await land(callback);
    provider.requests.length = 0;
    expect(await land(callback)).toEqual(nowhere);
    expect(provider.requests).toEqual([]);
    expect(await outcome(retrieve({ idpIntentId: id, idpIntentToken: parameters.token ?? '' }))).toBe('ok');
  });

  test('once, when it comes several times at once', async () => {
    const { callback } = await onTheWay();
    provider.requests.length = 0;
    const landings = await Promise.all(Array.from({ length: 8 }, () => land(callback)));
    expect(landings.map(({ status }) => status).sort()).toEqual([303, ...Array.from({ length: 7 }, () => 400)]);
    expect(landings.find(({ status }) => status === 303)?.parameters.token).toBeDefined();
    expect(provider.requests.filter((path) => path === 'POST /token')).toHaveLength(1);
  });

  test('once, when it failed', async () => {
    const { callback } = await onTheWay();
    await during(provider, { alter: () => 'none' }, async () => {
      expect((await land(callback)).parameters.error).toBe('server_error');
    });
    expect(await land(callback)).toEqual(nowhere);
  });

  test('within an hour', async () => {
    const [soon, late] = [await onTheWay(), await onTheWay()];
    await later(60 * minute, async () => expect(await land(late.callback)).toEqual(nowhere));
    await later(60 * minute - 1, async () => expect((await land(soon.callback)).parameters.token).toBeDefined());
  });

  test('not when a browser or a scanner only looks', async () => {
    const { callback } = await onTheWay();
    const look = (method: string) => fetch(callback, { method, redirect: 'manual' });
    expect((await look('HEAD')).status).toBe(405);
    expect((await look('PUT')).status).toBe(405);
    for (const headers of [{ 'sec-purpose': 'prefetch;prerender' }, { purpose: 'prefetch' }, { 'x-moz': 'prefetch' }]) {
      expect(await land(callback, headers)).toEqual({ status: 503, at: '', parameters: {} });
    }
    expect((await land(callback)).parameters.token).toBeDefined();
  });

  test('by a form too, and then as a page that is got', async () => {
    const { callback } = await onTheWay();
    const { origin, pathname, searchParams } = new URL(callback);
    const sent = await fetch(origin + pathname, {
      method: 'POST',
      body: searchParams,
      headers: { origin: provider.issuer, 'sec-fetch-site': 'cross-site' },
      redirect: 'manual',
    });
    expect(sent.status).toBe(303);
    expect(sent.headers.get('referrer-policy')).toBe('no-referrer');
    expect(new URL(sent.headers.get('location') ?? '').searchParams.get('token')).not.toBeNull();
  });

  test('with the local user, when the account is linked', async () => {
    const { callback, login } = await onTheWay();
    const userId = await linked(login.toUpperCase());
    expect((await land(callback)).parameters.user).toBe(userId);
  });

  test('as a failure when the provider was switched off meanwhile, and nowhere when it is gone', async () => {
    const off = await addOidc(server, provider);
    const { id, callback } = await onTheWay(off);
    provider.requests.length = 0;
    await switchedOff(off, async () => {
      expect(await land(callback)).toEqual({
        status: 303,
        at: failureUrl(server),
        parameters: { id, error: 'access_denied', error_description: 'the provider cannot be used any more' },
      });
    });
    expect(provider.requests).toEqual([]);
    const left = await onTheWay(off);
    await server.as().admin.deleteProvider({ id: off });
    expect(await land(left.callback)).toEqual(nowhere);
  });

  test('before it begins, when the provider is deleted while it is being asked', async () => {
    const gone = await addOidc(server, provider);
    const deleted: NonNullable<ReturnType<TestProvider['instead']['get']>> = async (_, response) => {
      await server.as().admin.deleteProvider({ id: gone });
      const { issuer } = provider;
      const answer = { issuer, authorization_endpoint: `${issuer}/auth`, token_endpoint: `${issuer}/token` };
      response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
    };
    await during(provider, { instead: new Map([['/.well-known/openid-configuration', deleted]]) }, async () => {
      expect(await outcome(start(server, gone))).toBe('FailedPrecondition PROVIDER_UNKNOWN');
    });
  });

  test('as a failure when the provider is switched off while it is being asked', async () => {
    const off = await addOidc(server, provider);
    const { callback } = await onTheWay(off);
    const alter = async (token: string) => {
      await server.sql`update identity_providers set state = 'inactive' where id = ${off}`;
      return token;
    };
    await during(provider, { alter }, async () => {
      expect((await land(callback)).parameters.error).toBe('access_denied');
    });
  });

  test('whatever the request says of its host', async () => {
    const { callback } = await onTheWay();
    const { hostname, port, pathname, search } = new URL(callback);
    const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' };
    const { promise, resolve } = Promise.withResolvers<IncomingMessage>();
    request({ hostname, port, path: pathname + search, headers }, resolve).end();
    const answer = await promise;
    answer.resume();
    expect(answer.headers.location?.startsWith(`${server.url}/ui/done?`)).toBe(true);
  });
});

describe('what came of it', () => {
  test('is for whoever has the token, and as often as he wants', async () => {
    const proof = await succeed(server, idp);
    const stranger = await createStranger(server);
    const first = await stranger.users.retrieveIdentityProviderIntent(proof);
    expect(await retrieve(proof)).toEqual(first);
  });

  test('is for nobody else', async () => {
    const [proof, other] = [await succeed(server, idp), await succeed(server, idp)];
    const { id: begun } = await begin(server, idp);
    const token = proof.idpIntentToken;
    const wrong = (token.startsWith('A') ? 'B' : 'A') + token.slice(1);
    for (const idpIntentToken of [wrong, other.idpIntentToken, `${token}=`, 'x', 'x'.repeat(200)]) {
      expect(await outcome(retrieve({ ...proof, idpIntentToken }))).toBe(unknown);
    }
    for (const idpIntentId of ['unknown', begun, other.idpIntentId]) {
      expect(await outcome(retrieve({ ...proof, idpIntentId }))).toBe(unknown);
    }
    expect(await outcome(retrieve(proof))).toBe('ok');
  });

  test('makes the account with one more call when nobody is linked', async () => {
    const login = unique('grace');
    const { details, idpInformation, userId, addHumanUser, updateHumanUser, userAction } = await retrieve(
      await succeed(server, idp, login),
    );
    const [instance] = await server.sql<{ id: string }[]>`select id from instances`;
    expect(details).toMatchObject({ sequence: 2n, resourceOwner: instance?.id });
    expect(idpInformation).toMatchObject({ idpId: idp, userId: login, userName: login });
    expect([userId, updateHumanUser]).toEqual(['', undefined]);
    expect(addHumanUser).toMatchObject({
      username: login,
      profile: {
        givenName: 'Grace',
        familyName: 'Hopper',
        displayName: 'Grace Hopper',
        nickName: 'Amazing',
        preferredLanguage: 'de-CH',
      },
      email: { email: `${login}@example.org`, verification: { case: 'isVerified', value: true } },
      phone: { phone: '+41791234567', verification: { case: 'sendCode' } },
      idpLinks: [{ idpId: idp, userId: login, userName: login }],
    });
    if (userAction.case !== 'createUser') throw new Error(`${userAction.case}`);
    const { users } = server.as();
    const { id } = await users.createUser({ ...userAction.value, organizationId: await homeOf(server) });
    const { result } = await users.listIDPLinks({ userId: id });
    expect(result).toMatchObject([{ idpId: idp, userId: login, userName: login }]);
    const { user } = await users.getUserByID({ userId: id });
    expect(user).toMatchObject({
      username: login,
      type: { case: 'human', value: { email: { isVerified: true }, phone: { isVerified: false } } },
    });
    const session = await signIn(id, await succeed(server, idp, login));
    expect(session.sessionToken).not.toBe('');
  });

  test('the same by the older call', async () => {
    const login = unique('grace');
    const { addHumanUser } = await retrieve(await succeed(server, idp, login));
    if (!addHumanUser) throw new Error('no proposal');
    const { userId } = await server.as().users.addHumanUser(addHumanUser);
    expect((await retrieve(await succeed(server, idp, login))).userId).toBe(userId);
  });

  test('brings the account up to date when somebody is linked', async () => {
    const login = unique('grace');
    const id = await linked(login);
    const { userId, userAction, addHumanUser, updateHumanUser } = await retrieve(await succeed(server, idp, login));
    expect([userId, updateHumanUser?.userId, addHumanUser]).toEqual([id, id, undefined]);
    if (userAction.case !== 'updateUser') throw new Error(`${userAction.case}`);
    expect(userAction.value.userType).toMatchObject({ case: 'human', value: { profile: { givenName: 'Grace' } } });
    await server.as().users.updateUser(userAction.value);
    const { user } = await server.as().users.getUserByID({ userId: id });
    expect(user?.type.value).toMatchObject({
      profile: { givenName: 'Grace', preferredLanguage: 'de-CH' },
      email: { email: `${login}@example.org` },
    });
  });

  test('is sealed where it lies, and gone once it was used', async () => {
    const login = unique('grace');
    const proof = await succeed(server, idp, login);
    const { idpInformation } = await retrieve(proof);
    const access = idpInformation?.access;
    if (access?.case !== 'oauth') throw new Error('no tokens');
    const { accessToken, idToken = '', refreshToken = '' } = access.value;
    const row = async () => {
      const [found] = await server.sql`select * from intents where id = ${proof.idpIntentId}`;
      const text = Object.values(found ?? {}).map((value) => (Buffer.isBuffer(value) ? value.toString('latin1') : String(value)));
      return { text: text.join('\n'), result: found?.result, expected: found?.expected };
    };
    const before = await row();
    const secrets = [proof.idpIntentToken, accessToken, idToken, refreshToken, 'Hopper', '+4179', 'accessToken'];
    for (const secret of secrets) expect(before.text).not.toContain(secret);
    expect(before.result).not.toBeNull();
    // What its answer was held against is needed no more.
    expect(before.expected).toHaveLength(0);
    await signIn(await linked(login), proof);
    expect((await row()).result).toBeNull();
  });

  test('can be read and used for as long as it lasts', async () => {
    const login = unique('grace');
    const userId = await linked(login);
    const proof = await succeed(server, idp, login);
    const expired = 'FailedPrecondition INTENT_EXPIRED';
    await later(30 * minute, async () => {
      expect([await outcome(retrieve(proof)), await outcome(signIn(userId, proof))]).toEqual([expired, expired]);
    });
    await later(30 * minute - 1, async () => expect(await outcome(signIn(userId, proof))).toBe('ok'));
  });

  test('lasts an hour where the provider says nothing or more', async () => {
    for (const expires of [undefined, 86_400]) {
      await during(provider, { expires }, async () => {
        const { idpIntentId } = await succeed(server, idp);
        const [row] = await server.sql<{ ends: Date }[]>`select expires_at as ends from intents where id = ${idpIntentId}`;
        expect(row?.ends.getTime()).toBe(epoch.getTime() + 60 * minute);
      });
    }
  });
});

describe('the check of a session', () => {
  const of = 'FailedPrecondition INTENT_OF_ANOTHER';

  test('uses the intent up: twenty at once, one succeeds', async () => {
    const login = unique('grace');
    const userId = await linked(login);
    const proof = await succeed(server, idp, login);
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => outcome(signIn(userId, proof))));
    expect(outcomes.sort()).toEqual([...Array.from({ length: 19 }, () => over), 'ok']);
    expect(await outcome(signIn(userId, proof))).toBe(over);
    expect(await outcome(retrieve(proof))).toBe(over);
    expect(await outcome(retrieve({ ...proof, idpIntentToken: 'x' }))).toBe(unknown);
  });

  test('holds the factor', async () => {
    const login = unique('grace');
    const { sessionId } = await signIn(await linked(login), await succeed(server, idp, login));
    const { session } = await sessions.getSession({ sessionId });
    expect(session?.factors?.intent?.verifiedAt).toBeDefined();
  });

  test('wants the token', async () => {
    const login = unique('grace');
    const userId = await linked(login);
    const [proof, other] = [await succeed(server, idp, login), await succeed(server, idp, login)];
    const { id: begun } = await begin(server, idp);
    expect(await outcome(signIn(userId, { ...proof, idpIntentToken: other.idpIntentToken }))).toBe(unknown);
    expect(await outcome(signIn(userId, { ...proof, idpIntentId: 'unknown' }))).toBe(unknown);
    expect(await outcome(signIn(userId, { ...proof, idpIntentId: begun }))).toBe(unknown);
    expect(await outcome(signIn(userId, proof))).toBe('ok');
  });

  test('wants the person who is linked, by the links of that moment', async () => {
    const login = unique('grace');
    const proof = await succeed(server, idp, login);
    const mine = await createHuman(server);
    expect(await outcome(signIn(mine, proof))).toBe(of);
    const elsewhere = await addOidc(server, provider);
    const namesake = await linked(login, elsewhere);
    expect(await outcome(signIn(namesake, proof))).toBe(of);
    // Linked after the sign-in.
    await server.as().users.addIDPLink({ userId: mine, idpLink: { idpId: idp, userId: login, userName: login } });
    expect(await outcome(signIn(namesake, proof))).toBe(of);
    expect(await outcome(signIn(await linked(unique('other')), proof))).toBe(of);
    // A refusal uses nothing up.
    expect(await outcome(signIn(mine, proof))).toBe('ok');
  });

  test('wants a link that is still there', async () => {
    const login = unique('grace');
    const userId = await linked(login);
    const proof = await succeed(server, idp, login);
    expect((await retrieve(proof)).userId).toBe(userId);
    await server.as().users.removeIDPLink({ userId, idpId: idp, linkedUserId: login });
    expect(await outcome(signIn(userId, proof))).toBe(of);
  });

  test('wants a user who may sign in', async () => {
    const login = unique('grace');
    const userId = await linked(login);
    const proof = await succeed(server, idp, login);
    await server.as().users.lockUser({ userId });
    expect(await outcome(signIn(userId, proof))).toBe('FailedPrecondition USER_LOCKED');
    await server.as().users.unlockUser({ userId });
    expect(await outcome(signIn(userId, proof))).toBe('ok');
  });

  test('wants a provider that is switched on, and there', async () => {
    const own = await addOidc(server, provider);
    const login = unique('grace');
    const userId = await linked(login, own);
    const proof = await succeed(server, own, login);
    await switchedOff(own, async () => {
      expect(await outcome(signIn(userId, proof))).toBe('FailedPrecondition PROVIDER_INACTIVE');
    });
    await server.as().admin.deleteProvider({ id: own });
    expect([await outcome(signIn(userId, proof)), await outcome(retrieve(proof))]).toEqual([unknown, unknown]);
  });

  test('counts until the link is taken away: the session is stale from then on, and good again with a new check', async () => {
    const login = unique('grace');
    const userId = await linked(login);
    const owner = await createInstanceManager(server, ['IAM_LOGIN_CLIENT']);
    const { sessionId, sessionToken } = await signIn(userId, await succeed(server, idp, login));
    const other = await linked(unique('other'));
    const unrelated = await signIn(
      other,
      await succeed(server, idp, (await server.as().users.listIDPLinks({ userId: other })).result[0]?.userId),
    );
    const asThemselves = (token: string, id: string) => outcome(server.as(token).users.getUserByID({ userId: id }));
    expect(await asThemselves(sessionToken, userId)).toBe('ok');
    await server.as().users.removeIDPLink({ userId, idpId: idp, linkedUserId: login });
    expect(await asThemselves(sessionToken, userId)).not.toBe('ok');
    expect(await asThemselves(unrelated.sessionToken, other)).toBe('ok');
    const { session } = await owner.sessions.getSession({ sessionId });
    expect(session?.factors?.intent).toBeUndefined();
    await server.as().users.addIDPLink({ userId, idpLink: { idpId: idp, userId: login, userName: login } });
    expect(await asThemselves(sessionToken, userId)).not.toBe('ok');
    const renewed = await sessions.setSession({ sessionId, checks: { idpIntent: await succeed(server, idp, login) } });
    expect(await asThemselves(renewed.sessionToken, userId)).toBe('ok');
  });
});
