import { generateKeyPairSync } from 'node:crypto';
import type { JsonObject } from '@bufbuild/protobuf';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PasskeyAuthenticator } from '../../gen/zitadel/user/v2/auth_pb.ts';
import { AuthFactorState } from '../../gen/zitadel/user/v2/user_pb.ts';
import { actAs, createHuman, createMachine, createStranger, readHuman, unique } from '../support/actors.ts';
import { Authenticator, type Deviations } from '../support/authenticator.ts';
import { brokenFields, outcome } from '../support/errors.ts';
import { codeIn, linkIn, messagesTo } from '../support/outbox.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';

const origin = 'https://roster.example.com';
const returned = { case: 'returnCode', value: {} } as const;
const ok = 'ok';

let server: TestServer;
let users: Clients['users'];

beforeAll(async () => {
  server = await startServer();
  users = server.as().users;
});

beforeEach(() => server.setTime(epoch));

const begin = async (userId: string, domain = '') => {
  const { passkeyId, publicKeyCredentialCreationOptions: options = {} } = await users.registerPasskey({ userId, domain });
  return { passkeyId, options };
};

async function registered(
  userId: string,
  authenticator = new Authenticator(),
): Promise<{ id: string; authenticator: Authenticator }> {
  const { passkeyId, options } = await begin(userId);
  const publicKeyCredential = authenticator.register(options, origin);
  await users.verifyPasskeyRegistration({ userId, passkeyId, publicKeyCredential, passkeyName: 'Phone' });
  return { id: passkeyId, authenticator };
}

const namesOf = async (userId: string) => (await users.listPasskeys({ userId })).result.map(({ name }) => name);

/** A registration that has begun. */
interface Begun {
  id: string;
  options: JsonObject;
}

interface Ceremony {
  begin(userId: string): Promise<Begun>;
  finish(userId: string, id: string, publicKeyCredential: JsonObject, clients?: Clients): Promise<unknown>;
}

const registerU2F = async (userId: string): Promise<Begun> => {
  const { u2fId, publicKeyCredentialCreationOptions: options = {} } = await users.registerU2F({ userId });
  return { id: u2fId, options };
};

const registerPasskey = async (userId: string, code?: { id: string; code: string }): Promise<Begun> => {
  const { passkeyId, publicKeyCredentialCreationOptions: options = {} } = await users.registerPasskey({
    userId,
    ...(code && { code }),
  });
  return { id: passkeyId, options };
};

const registerByLink = async (userId: string): Promise<Begun> => {
  const { code } = await users.createPasskeyRegistrationLink({ userId, medium: returned });
  return registerPasskey(userId, { id: code?.id ?? '', code: code?.code ?? '' });
};

const finishPasskey: Ceremony['finish'] = (userId, passkeyId, publicKeyCredential, clients = server.as()) =>
  clients.users.verifyPasskeyRegistration({ userId, passkeyId, publicKeyCredential, passkeyName: 'Phone' });

/** Every way to register one. */
const ceremonies: [string, Ceremony][] = [
  ['RegisterPasskey', { begin: registerPasskey, finish: finishPasskey }],
  ['RegisterPasskey with the code of a link', { begin: registerByLink, finish: finishPasskey }],
  [
    'RegisterU2F',
    {
      begin: registerU2F,
      finish: (userId, u2fId, publicKeyCredential, clients = server.as()) =>
        clients.users.verifyU2FRegistration({ userId, u2fId, publicKeyCredential, tokenName: 'Key' }),
    },
  ],
];

/** Of passkeys and security keys alike. */
async function stored(userId: string): Promise<number> {
  return (await server.sql`select from webauthn_credentials where user_id = ${userId}`).length;
}

describe('RegisterPasskey', () => {
  test('gives the options of the ceremony, for the public URL or for the domain that is named', async () => {
    const userId = await createHuman(server);
    const { username, profile } = await readHuman(server, userId);
    const { options, passkeyId } = await begin(userId);
    expect(passkeyId).toMatch(/^\d{18}$/);
    expect(options).toEqual({
      publicKey: {
        challenge: expect.stringMatching(/^[\w-]{43}$/),
        rp: { name: 'Roster', id: 'roster.example.com' },
        user: { id: Buffer.from(userId).toString('base64url'), name: username, displayName: profile.displayName },
        pubKeyCredParams: [-8, -7, -257].map((alg) => ({ type: 'public-key', alg })),
        timeout: 300_000,
        excludeCredentials: [],
        authenticatorSelection: { userVerification: 'required' },
        attestation: 'none',
      },
    });
    const platform = await users.registerPasskey({
      userId,
      domain: 'login.example.org',
      authenticator: PasskeyAuthenticator.PLATFORM,
    });
    expect(platform.publicKeyCredentialCreationOptions).toMatchObject({
      publicKey: {
        rp: { id: 'login.example.org' },
        authenticatorSelection: { userVerification: 'required', authenticatorAttachment: 'platform' },
      },
    });
    const roaming = await users.registerPasskey({ userId, authenticator: PasskeyAuthenticator.CROSS_PLATFORM });
    expect(roaming.publicKeyCredentialCreationOptions).toMatchObject({
      publicKey: { authenticatorSelection: { authenticatorAttachment: 'cross-platform' } },
    });
  });

  test('excludes what the user has for the same relying party', async () => {
    const userId = await createHuman(server);
    const { authenticator } = await registered(userId);
    const excluded = { type: 'public-key', id: authenticator.credentialId.toString('base64url'), transports: ['internal'] };
    expect((await begin(userId)).options).toMatchObject({ publicKey: { excludeCredentials: [excluded] } });
    expect((await begin(userId, 'example.org')).options).toMatchObject({ publicKey: { excludeCredentials: [] } });
  });

  test('is bound to domains only that a browser would take', async () => {
    const userId = await createHuman(server);
    for (const domain of [
      ...[
        'example.com:443',
        'https://example.com',
        'example.com/path',
        'EXAMPLE.com',
        'exa mple.com',
        'example..com',
        '.example.com',
      ],
      ...['127.0.0.1', '::1', '[::1]', '2130706433.1', 'com', 'co.uk', 'github.io', 'intranet', 'exämple.com', 'ехаmple.com'],
      ...[
        '-a.example.com',
        'a-.example.com',
        'a_b.example.com',
        `${'a'.repeat(64)}.example.com`,
        'example.com.',
        '*.example.com',
      ],
      `${'a.'.repeat(130)}example.com`,
    ]) {
      expect(await brokenFields(users.registerPasskey({ userId, domain })), domain).toEqual(['domain']);
      expect(await brokenFields(users.registerU2F({ userId, domain })), domain).toEqual(['domain']);
    }
    for (const domain of ['localhost', 'example.com', 'a.b.example.co.uk', 'someone.github.io', 'xn--bcher-kva.example.com']) {
      expect(await outcome(users.registerPasskey({ userId, domain })), domain).toBe(ok);
    }
  });
});

describe('VerifyPasskeyRegistration', () => {
  test('makes the passkey ready under its name; whoever brings the answer', async () => {
    const userId = await createHuman(server);
    const { passkeyId, options } = await begin(userId);
    expect(await namesOf(userId)).toEqual([]);
    const stranger = await createStranger(server);
    const publicKeyCredential = new Authenticator().register(options, origin);
    await stranger.users.verifyPasskeyRegistration({ userId, passkeyId, publicKeyCredential, passkeyName: 'Ada’s phone' });
    const { details, result } = await users.listPasskeys({ userId });
    expect(result).toMatchObject([{ id: passkeyId, name: 'Ada’s phone', state: AuthFactorState.READY }]);
    expect(details?.totalResult).toBe(1n);
    const again = { userId, passkeyId, publicKeyCredential, passkeyName: 'Again' };
    expect(await outcome(users.verifyPasskeyRegistration(again))).toBe('NotFound PASSKEY_NOT_FOUND');
  });

  const foreign = randomChallenge();
  test.each<[string, Deviations, string]>([
    ['another ceremony', { type: 'webauthn.get' }, 'WEBAUTHN_TYPE_WRONG'],
    ['another challenge', { challenge: foreign }, 'WEBAUTHN_CHALLENGE_WRONG'],
    ['another site', { origin: 'https://evil.example' }, 'WEBAUTHN_ORIGIN_WRONG'],
    ['a site whose name only ends alike', { origin: 'https://notroster.example.com' }, 'WEBAUTHN_ORIGIN_WRONG'],
    ['a site above', { origin: 'https://example.com' }, 'WEBAUTHN_ORIGIN_WRONG'],
    ['a page without TLS', { origin: 'http://roster.example.com' }, 'WEBAUTHN_ORIGIN_WRONG'],
    ['an origin with a path', { origin: 'https://roster.example.com/x' }, 'WEBAUTHN_ORIGIN_WRONG'],
    ['a frame', { crossOrigin: true }, 'WEBAUTHN_ORIGIN_WRONG'],
    ['a frame that says so in other words', { crossOrigin: 'true' }, 'WEBAUTHN_ORIGIN_WRONG'],
    ['a frame of another site', { topOrigin: 'https://evil.example' }, 'WEBAUTHN_ORIGIN_WRONG'],
    ['another relying party', { rpId: 'example.com' }, 'WEBAUTHN_RELYING_PARTY_WRONG'],
    ['nobody present', { flags: 64 }, 'WEBAUTHN_USER_ABSENT'],
    ['a user that was not verified', { flags: 65 }, 'WEBAUTHN_USER_UNVERIFIED'],
    ['an algorithm that was not offered', { algorithm: -35 }, 'WEBAUTHN_ALGORITHM_UNKNOWN'],
  ])('refuses %s, and nothing is stored', async (_, deviations, reason) => {
    for (const [name, { begin, finish }] of ceremonies) {
      const userId = await createHuman(server);
      const { id, options } = await begin(userId);
      const authenticator = new Authenticator();
      const wrong = authenticator.register(options, origin, deviations);
      expect(await outcome(finish(userId, id, wrong)), name).toBe(`InvalidArgument ${reason}`);
      expect(await brokenFields(finish(userId, id, wrong))).toEqual(['public_key_credential']);
      expect(await stored(userId)).toBe(0);
      expect(await outcome(finish(userId, id, authenticator.register(options, origin)))).toBe(ok);
      expect(await stored(userId)).toBe(1);
    }
  });

  const whole = (text: string | undefined) => Buffer.from(text ?? '', 'base64url');
  const rsa = (modulusLength: number) => {
    const { n, e } = generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' });
    return {
      algorithm: -257,
      key: new Map<number, number | Buffer>([
        [1, 3],
        [-1, whole(n)],
        [-2, whole(e)],
      ]),
    };
  };
  const ed25519 = () => {
    const { x } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
    return {
      algorithm: -8,
      key: new Map<number, number | Buffer>([
        [1, 1],
        [-1, 6],
        [-2, whole(x)],
      ]),
    };
  };

  test.each<[string, Deviations, string]>([
    ['for Ed25519 that is one for P-256', { algorithm: -8 }, 'refused'],
    ['for RSA that is one for P-256', { algorithm: -257 }, 'refused'],
    ['of another curve', { key: new Map([[-1, 2]]) }, 'refused'],
    ['of another type', { key: new Map([[1, 1]]) }, 'refused'],
    ['that is no point of the curve', { key: new Map([[-3, Buffer.alloc(32, 1)]]) }, 'refused'],
    ['with a text for a coordinate', { key: new Map([[-2, 'x'.repeat(32)]]) }, 'refused'],
    ['of RSA with 1024 bits', rsa(1024), 'refused'],
    ['of RSA with 2048 bits', rsa(2048), ok],
    ['of Ed25519', ed25519(), ok],
  ])('takes a key only that can sign in: one %s', async (_, deviations, told) => {
    const userId = await createHuman(server);
    const { passkeyId, options } = await begin(userId);
    const publicKeyCredential = new Authenticator().register(options, origin, deviations);
    const answer = { userId, passkeyId, publicKeyCredential, passkeyName: 'Phone' };
    const expected = told === ok ? ok : 'InvalidArgument WEBAUTHN_UNREADABLE';
    expect(await outcome(users.verifyPasskeyRegistration(answer))).toBe(expected);
    expect(await namesOf(userId)).toHaveLength(told === ok ? 1 : 0);
  });

  test('pages below the domain may register', async () => {
    const userId = await createHuman(server);
    for (const page of ['https://login.example.org', 'https://example.org:8443']) {
      const { passkeyId, options } = await begin(userId, 'example.org');
      const publicKeyCredential = new Authenticator().register(options, page);
      expect(await outcome(users.verifyPasskeyRegistration({ userId, passkeyId, publicKeyCredential, passkeyName: page }))).toBe(
        ok,
      );
    }
  });

  test('refuses an authenticator that is registered already, to anybody', async () => {
    const userId = await createHuman(server);
    const { authenticator } = await registered(userId);
    for (const whose of [userId, await createHuman(server)]) {
      const { passkeyId, options } = await begin(whose);
      const publicKeyCredential = authenticator.register(options, origin);
      expect(
        await outcome(users.verifyPasskeyRegistration({ userId: whose, passkeyId, publicKeyCredential, passkeyName: 'x' })),
      ).toBe('InvalidArgument WEBAUTHN_CREDENTIAL_KNOWN');
      const key = await registerU2F(whose);
      const answer = authenticator.register(key.options, origin);
      expect(
        await outcome(users.verifyU2FRegistration({ userId: whose, u2fId: key.id, publicKeyCredential: answer, tokenName: 'x' })),
      ).toBe('InvalidArgument WEBAUTHN_CREDENTIAL_KNOWN');
      expect(await stored(whose)).toBe(whose === userId ? 1 : 0);
    }
  });

  test('keeps what a sign-in will need', async () => {
    const userId = await createHuman(server);
    const { id, options } = await registerPasskey(userId);
    const authenticator = new Authenticator();
    const flags = 1 | 4 | 8 | 16 | 64;
    server.setTime(new Date(epoch.getTime() + 60_000));
    await finishPasskey(userId, id, authenticator.register(options, origin, { flags, counter: 41 }));
    const rows = await server.sql`select * from webauthn_credentials where user_id = ${userId}`;
    expect([...rows]).toEqual([
      {
        id,
        user_id: userId,
        kind: 'passkey',
        name: 'Phone',
        rp_id: 'roster.example.com',
        credential_id: authenticator.credentialId,
        public_key: expect.any(Buffer),
        counter: '41',
        transports: ['internal'],
        backup_eligible: true,
        backed_up: true,
        aaguid: '00000000-0000-0000-0000-000000000000',
        created_at: server.app.clock(),
        last_used_at: null,
      },
    ]);
    expect((await server.sql`select from webauthn_registrations where user_id = ${userId}`).length).toBe(0);
  });

  test.each(ceremonies)(
    '%s: fifty answers at once, each of another authenticator, make one; nobody answers twice',
    async (_, way) => {
      const userId = await createHuman(server);
      const { id, options } = await way.begin(userId);
      const answers = Array.from({ length: 50 }, () => new Authenticator().register(options, origin));
      const outcomes = await Promise.all(answers.map((answer) => outcome(way.finish(userId, id, answer))));
      expect(outcomes.filter((each) => each === ok)).toHaveLength(1);
      expect(outcomes.filter((each) => each.startsWith('NotFound '))).toHaveLength(49);
      expect(await stored(userId)).toBe(1);
      // Nor in a registration that begins later.
      const next = await way.begin(userId);
      for (const answer of answers.slice(0, 2)) {
        expect(await outcome(way.finish(userId, next.id, answer))).toBe('InvalidArgument WEBAUTHN_CHALLENGE_WRONG');
      }
      expect(await stored(userId)).toBe(1);
    },
  );

  test('one authenticator, for ten users at once, is one user’s', async () => {
    const authenticator = new Authenticator();
    const owners = await Promise.all(Array.from({ length: 10 }, () => createHuman(server)));
    const begun = await Promise.all(owners.map(async (userId) => ({ userId, ...(await registerPasskey(userId)) })));
    const outcomes = await Promise.all(
      begun.map(({ userId, id, options }) => outcome(finishPasskey(userId, id, authenticator.register(options, origin)))),
    );
    expect(outcomes.toSorted()).toEqual([...Array(9).fill('InvalidArgument WEBAUTHN_CREDENTIAL_KNOWN'), ok]);
    const rows = await server.sql`select from webauthn_credentials where credential_id = ${authenticator.credentialId}`;
    expect(rows).toHaveLength(1);
  });

  test('is for the registration that waits: of this user, the last one, for five minutes', async () => {
    const userId = await createHuman(server);
    const other = await createHuman(server);
    const first = await begin(userId);
    const second = await begin(userId);
    const theirs = await begin(other);
    const authenticator = new Authenticator();
    const verify = (passkeyId: string, options: typeof first.options) =>
      outcome(
        users.verifyPasskeyRegistration({
          userId,
          passkeyId,
          publicKeyCredential: authenticator.register(options, origin),
          passkeyName: 'Phone',
        }),
      );
    expect(await verify(first.passkeyId, first.options)).toBe('NotFound PASSKEY_NOT_FOUND');
    expect(await verify(theirs.passkeyId, theirs.options)).toBe('NotFound PASSKEY_NOT_FOUND');
    expect(await verify(second.passkeyId, theirs.options)).toBe('InvalidArgument WEBAUTHN_CHALLENGE_WRONG');
    server.setTime(new Date(epoch.getTime() + 300_000));
    expect(await verify(second.passkeyId, second.options)).toBe('InvalidArgument WEBAUTHN_EXPIRED');
    expect(await stored(userId)).toBe(0);
    server.setTime(new Date(epoch.getTime() + 299_000));
    expect(await verify(second.passkeyId, second.options)).toBe(ok);
  });

  test.each(ceremonies)('%s is not finished once the user is locked, deactivated or gone', async (_, { begin, finish }) => {
    const end: [string, (userId: string) => Promise<unknown>][] = [
      ['FailedPrecondition USER_NOT_ACTIVE', (userId) => users.lockUser({ userId })],
      ['FailedPrecondition USER_NOT_ACTIVE', (userId) => users.deactivateUser({ userId })],
      ['NotFound USER_NOT_FOUND', (userId) => users.deleteUser({ userId })],
    ];
    for (const [told, fall] of end) {
      const userId = await createHuman(server);
      const { id, options } = await begin(userId);
      await fall(userId);
      const answer = new Authenticator().register(options, origin);
      expect(await outcome(finish(userId, id, answer))).toBe(told);
      const stranger = await createStranger(server);
      expect(await outcome(finish(userId, id, answer, stranger))).toBe('NotFound USER_NOT_FOUND');
      expect(await stored(userId)).toBe(0);
    }
  });

  test('bytes that are no credential are refused as such', async () => {
    const userId = await createHuman(server);
    const { passkeyId, options } = await begin(userId);
    const good = new Authenticator().register(options, origin);
    const response =
      typeof good.response === 'object' && good.response !== null && !Array.isArray(good.response) ? good.response : {};
    const nested = Buffer.alloc(40_000, 0x81).toString('base64url');
    const huge = Buffer.from('bb7fffffffffffffff', 'hex').toString('base64url');
    for (const bad of [
      {},
      { ...good, id: 1 },
      { ...good, rawId: 'AAAA' },
      { ...good, type: 'password' },
      { ...good, response: 'x' },
      { ...good, response: null },
      { ...good, response: [] },
      { ...good, response: { ...response, clientDataJSON: '***' } },
      { ...good, response: { ...response, clientDataJSON: Buffer.from('[').toString('base64url') } },
      { ...good, response: { ...response, clientDataJSON: Buffer.from('null').toString('base64url') } },
      { ...good, response: { ...response, attestationObject: '' } },
      { ...good, response: { ...response, attestationObject: Buffer.from('junk').toString('base64url') } },
      { ...good, response: { ...response, attestationObject: nested } },
      { ...good, response: { ...response, attestationObject: huge } },
      { ...good, response: { ...response, attestationObject: 'A'.repeat(1_000_000) } },
    ]) {
      const call = () => users.verifyPasskeyRegistration({ userId, passkeyId, publicKeyCredential: bad, passkeyName: 'x' });
      expect(await outcome(call()), JSON.stringify(bad).slice(0, 300)).toBe('InvalidArgument WEBAUTHN_UNREADABLE');
      expect(await brokenFields(call())).toEqual(['public_key_credential']);
    }
    expect(await brokenFields(users.verifyPasskeyRegistration({ userId, passkeyId, passkeyName: '' }))).toEqual([
      'public_key_credential',
      'passkey_name',
    ]);
    // However it is nested: nobody looks any closer at what is far larger than any credential.
    const values = Array.from({ length: 1001 }, () => null);
    for (const large of [
      { ...good, values },
      { ...good, response: { ...response, transports: [[values]] } },
    ]) {
      const call = () => users.verifyPasskeyRegistration({ userId, passkeyId, publicKeyCredential: large, passkeyName: 'x' });
      expect(await outcome(call())).toBe('InvalidArgument INVALID_REQUEST');
      expect(await brokenFields(call())).toEqual(['public_key_credential']);
    }
    const unknownFields = {
      ...good,
      more: { of: ['it'] },
      response: { ...response, publicKey: 7, transports: [1, 'usb', 'A B'] },
    };
    expect(
      await outcome(users.verifyPasskeyRegistration({ userId, passkeyId, publicKeyCredential: unknownFields, passkeyName: 'x' })),
    ).toBe(ok);
  });
});

describe('where domains and related origins are configured', () => {
  const related = 'https://shop.example.net';
  let configured: TestServer;

  beforeAll(async () => {
    const env = { ROSTER_PASSKEY_DOMAINS: 'example.org,login.example.org', ROSTER_PASSKEY_ORIGINS: related };
    configured = await startServer({ beside: server, env });
  });

  test('a passkey is bound to one of these domains, and to no other', async () => {
    const { users } = configured.as();
    const userId = await createHuman(server);
    for (const domain of ['example.org', 'login.example.org']) {
      expect(await outcome(users.registerPasskey({ userId, domain })), domain).toBe(ok);
      expect(await outcome(users.registerU2F({ userId, domain })), domain).toBe(ok);
    }
    // The public URL's neither, while it is not named.
    for (const domain of ['', 'roster.example.com', 'www.example.org', 'example.com', 'localhost']) {
      expect(await brokenFields(users.registerPasskey({ userId, domain })), domain).toEqual(['domain']);
      expect(await brokenFields(users.registerU2F({ userId, domain })), domain).toEqual(['domain']);
    }
  });

  test('a page of a related origin may register, to the letter; elsewhere it may not', async () => {
    const finishAt = async (page: string, { users } = configured.as()): Promise<string> => {
      const userId = await createHuman(server);
      const { passkeyId, publicKeyCredentialCreationOptions: options = {} } = await users.registerPasskey({
        userId,
        domain: 'example.org',
      });
      const publicKeyCredential = new Authenticator().register(options, page);
      return outcome(users.verifyPasskeyRegistration({ userId, passkeyId, publicKeyCredential, passkeyName: 'Phone' }));
    };
    expect(await finishAt(related)).toBe(ok);
    const wrong = 'InvalidArgument WEBAUTHN_ORIGIN_WRONG';
    for (const page of [`${related}:8443`, 'http://shop.example.net', 'https://www.shop.example.net', `${related}/`]) {
      expect(await finishAt(page), page).toBe(wrong);
    }
    expect(await finishAt(related, server.as())).toBe(wrong);
  });
});

describe('a registration link', () => {
  test('is mailed, and its code begins one registration, whoever brings it', async () => {
    const email = `${unique('mailbox')}@example.net`;
    const userId = await createHuman(server, { email: { email, verification: { case: 'isVerified', value: true } } });
    expect((await users.createPasskeyRegistrationLink({ userId })).code).toBeUndefined();
    const [mail] = await messagesTo(server, email);
    const link = linkIn(mail);
    expect(link.origin + link.pathname).toBe('https://roster.example.com/ui/login/login/passwordless/init');
    expect(link.searchParams.get('userID')).toBe(userId);
    expect(link.searchParams.get('code')).toBe(codeIn(mail));
    const code = { id: link.searchParams.get('codeID') ?? '', code: codeIn(mail) };
    expect(code.code).toMatch(/^[A-Za-z0-9]{12}$/);
    const stranger = await createStranger(server);
    expect(await outcome(stranger.users.registerPasskey({ userId, code }))).toBe(ok);
    expect(await outcome(users.registerPasskey({ userId, code }))).toBe('InvalidArgument CODE_INVALID');
    expect(await outcome(stranger.users.registerPasskey({ userId, code }))).toBe('NotFound USER_NOT_FOUND');
  });

  test('its code is right with its id only, for an hour, and is not used up by what else is wrong', async () => {
    const userId = await createHuman(server);
    const link = async () => {
      const { code } = await users.createPasskeyRegistrationLink({ userId, medium: returned });
      return { id: code?.id ?? '', code: code?.code ?? '' };
    };
    const old = await link();
    const code = await link();
    const invalid = 'InvalidArgument CODE_INVALID';
    expect(await outcome(users.registerPasskey({ userId, code: old }))).toBe(invalid);
    expect(await outcome(users.registerPasskey({ userId, code: { ...code, id: old.id } }))).toBe(invalid);
    expect(await brokenFields(users.registerPasskey({ userId, code, domain: 'co.uk' }))).toEqual(['domain']);
    server.setTime(new Date(epoch.getTime() + 3_599_000));
    expect(await outcome(users.registerPasskey({ userId, code }))).toBe(ok);
    const late = await link();
    server.setTime(new Date(epoch.getTime() + 3_599_000 + 3_600_000));
    expect(await outcome(users.registerPasskey({ userId, code: late }))).toBe(invalid);
  });

  test('fifty at once begin one registration', async () => {
    const userId = await createHuman(server);
    const { code } = await users.createPasskeyRegistrationLink({ userId, medium: returned });
    const given = { id: code?.id ?? '', code: code?.code ?? '' };
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => outcome(users.registerPasskey({ userId, code: given }))));
    expect(outcomes.filter((each) => each === ok)).toHaveLength(1);
  });

  test('leads nowhere for one who was locked since', async () => {
    const userId = await createHuman(server);
    const { code } = await users.createPasskeyRegistrationLink({ userId, medium: returned });
    await users.lockUser({ userId });
    const given = { id: code?.id ?? '', code: code?.code ?? '' };
    expect(await outcome(users.registerPasskey({ userId, code: given }))).toBe('InvalidArgument CODE_INVALID');
  });

  test('somebody himself gets it by mail only, and without a code he may register as himself', async () => {
    const self = await actAs(server, await createHuman(server));
    expect(await outcome(self.users.createPasskeyRegistrationLink({ userId: self.id, medium: returned }))).toBe(
      'PermissionDenied VERIFICATION_NOT_OWN',
    );
    expect(await outcome(self.users.createPasskeyRegistrationLink({ userId: self.id }))).toBe(ok);
    expect(await outcome(self.users.registerPasskey({ userId: self.id }))).toBe(ok);
    expect(await outcome(self.users.registerU2F({ userId: self.id }))).toBe(ok);
  });
});

describe('security keys', () => {
  test('are registered, listed among the factors and removed, apart from passkeys', async () => {
    const userId = await createHuman(server);
    const { u2fId, publicKeyCredentialCreationOptions: options = {} } = await users.registerU2F({ userId });
    const pending = await users.listAuthenticationFactors({ userId, states: [AuthFactorState.NOT_READY] });
    expect(pending.result).toMatchObject([
      { state: AuthFactorState.NOT_READY, type: { case: 'u2f', value: { id: u2fId, name: '' } } },
    ]);
    const publicKeyCredential = new Authenticator().register(options, origin);
    const answer = { userId, publicKeyCredential, passkeyId: u2fId, passkeyName: 'Key' };
    expect(await outcome(users.verifyPasskeyRegistration(answer))).toBe('NotFound PASSKEY_NOT_FOUND');
    await users.verifyU2FRegistration({ userId, u2fId, publicKeyCredential, tokenName: 'Key' });
    expect((await users.listAuthenticationFactors({ userId })).result).toMatchObject([
      { state: AuthFactorState.READY, type: { case: 'u2f', value: { id: u2fId, name: 'Key' } } },
    ]);
    expect(await namesOf(userId)).toEqual([]);
    expect(await outcome(users.removePasskey({ userId, passkeyId: u2fId }))).toBe('NotFound PASSKEY_NOT_FOUND');
    expect(await outcome(users.removeU2F({ userId, u2fId }))).toBe(ok);
    expect(await outcome(users.removeU2F({ userId, u2fId }))).toBe('NotFound U2F_NOT_FOUND');
  });
});

describe('RemovePasskey', () => {
  test('removes a ready one and one that waits, once', async () => {
    const userId = await createHuman(server);
    const { id } = await registered(userId);
    const { passkeyId } = await begin(userId);
    for (const each of [id, passkeyId]) {
      expect(await outcome(users.removePasskey({ userId, passkeyId: each }))).toBe(ok);
      expect(await outcome(users.removePasskey({ userId, passkeyId: each }))).toBe('NotFound PASSKEY_NOT_FOUND');
    }
    expect(await namesOf(userId)).toEqual([]);
  });

  test('what was removed can be registered again', async () => {
    const userId = await createHuman(server);
    const { id, authenticator } = await registered(userId);
    await users.removePasskey({ userId, passkeyId: id });
    await registered(userId, authenticator);
    expect(await namesOf(userId)).toEqual(['Phone']);
  });
});

test('whatever is wrong with a proof, a stranger is told the same of everybody', async () => {
  const stranger = await createStranger(server);
  const locked = await createHuman(server);
  await users.lockUser({ userId: locked });
  const initial = await createHuman(server);
  await server.sql`update users set state = 'initial' where id = ${initial}`;
  const waiting = await createHuman(server);
  await begin(waiting);
  const told = new Set<string>();
  for (const userId of ['nobody', await createHuman(server), locked, initial, waiting, await createMachine(server)]) {
    const code = { id: '1', code: 'WRONGWRONG12' };
    const [row] = await server.sql<{ id: string }[]>`select id from webauthn_registrations where user_id = ${userId}`;
    const credential = { publicKeyCredential: new Authenticator().register({}, origin) };
    told.add(await outcome(stranger.users.registerPasskey({ userId, code })));
    for (const id of ['1', row?.id ?? '2']) {
      told.add(
        await outcome(stranger.users.verifyPasskeyRegistration({ userId, passkeyId: id, passkeyName: 'x', ...credential })),
      );
      told.add(await outcome(stranger.users.verifyU2FRegistration({ userId, u2fId: id, tokenName: 'x', ...credential })));
    }
  }
  expect([...told]).toEqual(['NotFound USER_NOT_FOUND']);
});

test('machines have no passkeys; who may know all ids finds none where nobody is', async () => {
  const machine = await createMachine(server);
  expect(await outcome(users.registerPasskey({ userId: machine }))).toBe('NotFound USER_NOT_FOUND');
  expect((await users.listPasskeys({ userId: 'nobody' })).result).toEqual([]);
  const stranger = await createStranger(server);
  expect(await outcome(stranger.users.listPasskeys({ userId: await createHuman(server) }))).toBe('NotFound USER_NOT_FOUND');
});

function randomChallenge(): string {
  return Buffer.alloc(32, 7).toString('base64url');
}
