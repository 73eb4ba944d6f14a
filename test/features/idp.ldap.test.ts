import { getCACertificates } from 'node:tls';
import { pino } from 'pino';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { AddLDAPProviderRequestSchema } from '../../gen/zitadel/admin/v1/admin_pb.ts';
import { openDirectory } from '../../src/features/idp/protocols/directory.ts';
import { stepMs } from '../../src/kernel/evenOut.ts';
import { plainError } from '../../src/kernel/logger.ts';
import { createHuman, createManager, createOrganization, createStranger, type Plain, unique } from '../support/actors.ts';
import { tls } from '../support/edge.ts';
import { outcome } from '../support/errors.ts';
import { element, type LdapOptions, manager, type Person, startBabbler, startLdap } from '../support/ldapServer.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';
import { hasSlapd, startSlapd } from '../support/slapd.ts';
import { certificateFile } from '../support/smtp.ts';

type Provider = Partial<Plain<typeof AddLDAPProviderRequestSchema>>;

const password = 'Ada’s password & more';
const wrong = 'InvalidArgument CREDENTIALS_WRONG';
const away = 'Unavailable PROVIDER_UNAVAILABLE';
const rootCa = new Uint8Array(tls.cert);

const ada: Person = {
  dn: 'uid=ada,ou=people,dc=example,dc=com',
  password,
  attributes: {
    objectClass: ['person', 'inetOrgPerson'],
    uid: 'ada',
    entryUUID: '6f7c2f5e-0a3b-4b6e-9d5a-5a4b6f1f2c01',
    givenName: 'Ada',
    sn: ['Lovelace', 'Byron'],
    displayName: 'Ada Lovelace',
    mail: 'ada@example.net',
    mailVerified: 'TRUE',
    mobile: '+41791234567',
    mobileVerified: 'FALSE',
    preferredLanguage: 'de-CH, en;q=0.8',
    userPassword: 'the hash of a password',
  },
};

const attributes = {
  idAttribute: 'entryUUID',
  firstNameAttribute: 'givenName',
  lastNameAttribute: 'SN',
  displayNameAttribute: 'displayName',
  preferredUsernameAttribute: 'uid',
  emailAttribute: 'mail',
  emailVerifiedAttribute: 'mailVerified',
  phoneAttribute: 'mobile',
  phoneVerifiedAttribute: 'mobileVerified',
  preferredLanguageAttribute: 'preferredLanguage',
};

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ env: { ROSTER_OUTGOING_PRIVATE: '127.0.0.0/8' } });
});

const provider = (servers: string[], options: Provider) => ({
  name: unique('Directory '),
  servers,
  baseDn: 'dc=example,dc=com',
  bindDn: manager.dn,
  bindPassword: manager.password,
  userBase: 'dn',
  userObjectClasses: ['person', 'inetOrgPerson'],
  userFilters: ['uid', 'mail'],
  timeout: { seconds: 5n },
  attributes,
  ...options,
});

/** Tells the service of the directory. Returns the id. */
const add = async (servers: string[], options: Provider = {}, { admin } = server.as()): Promise<string> =>
  (await admin.addLDAPProvider(provider(servers, options))).id;

const signIn = (idpId: string, username = 'ada', secret = password, { users }: Pick<Clients, 'users'> = server.as()) =>
  users.startIdentityProviderIntent({ idpId, content: { case: 'ldap', value: { username, password: secret } } });

async function succeed(idpId: string, username?: string) {
  const { nextStep } = await signIn(idpId, username);
  if (nextStep.case !== 'idpIntent') throw new Error(`no intent but ${nextStep.case}`);
  return nextStep.value;
}

async function retrieve(idpId: string, username?: string) {
  const { idpIntentId, idpIntentToken } = await succeed(idpId, username);
  return server.as().users.retrieveIdentityProviderIntent({ idpIntentId, idpIntentToken });
}

/** A directory with Ada, and a provider that uses it. */
async function directory(options: LdapOptions & { provider?: Provider } = {}) {
  const ldap = await startLdap({ people: [ada], ...options });
  return { ldap, id: await add([ldap.url], options.provider) };
}

const withAttributes = (more: Person['attributes']): Person => ({ ...ada, attributes: { ...ada.attributes, ...more } });

describe('who is known', () => {
  test('gets an intent at once, which tells what the directory tells, and an account to create', async () => {
    const { ldap, id } = await directory();
    const told = await retrieve(id);
    expect(told.idpInformation).toMatchObject({ idpId: id, userId: ada.attributes.entryUUID, userName: 'ada' });
    const shown = {
      entryUUID: [ada.attributes.entryUUID],
      givenName: ['Ada'],
      SN: ['Lovelace', 'Byron'],
      displayName: ['Ada Lovelace'],
      uid: ['ada'],
      mail: ['ada@example.net'],
      mailVerified: ['TRUE'],
      mobile: ['+41791234567'],
      mobileVerified: ['FALSE'],
      preferredLanguage: ['de-CH, en;q=0.8'],
    };
    expect(told.idpInformation?.access).toMatchObject({ case: 'ldap', value: { attributes: shown } });
    expect(told.idpInformation?.rawInformation).toEqual(shown);
    expect(told.userId).toBe('');
    expect(told.addHumanUser).toMatchObject({
      username: 'ada',
      profile: { givenName: 'Ada', familyName: 'Lovelace', displayName: 'Ada Lovelace', preferredLanguage: 'de-CH' },
      email: { email: 'ada@example.net', verification: { case: 'isVerified' } },
      phone: { phone: '+41791234567', verification: { case: 'sendCode' } },
      idpLinks: [{ idpId: id, userId: ada.attributes.entryUUID, userName: 'ada' }],
    });
    expect(ldap.binds).toEqual([
      { ...manager, secure: false },
      { dn: ada.dn, password, secure: false },
    ]);
    await ldap.left();
  });

  test('and linked signs in with it', async () => {
    const { id } = await directory();
    const userId = await createHuman(server);
    await server.as().users.addIDPLink({
      userId,
      idpLink: { idpId: id, userId: String(ada.attributes.entryUUID), userName: 'ada' },
    });
    const { idpIntentId, idpIntentToken, userId: linked } = await succeed(id);
    expect(linked).toBe(userId);
    const checks = { user: { search: { case: 'userId', value: userId } }, idpIntent: { idpIntentId, idpIntentToken } } as const;
    expect(await outcome(server.as().sessions.createSession({ checks }))).toBe('ok');
    expect(await outcome(server.as().sessions.createSession({ checks }))).toBe('FailedPrecondition INTENT_NOT_SUCCEEDED');
    expect((await retrieve(id)).updateHumanUser).toMatchObject({ userId, profile: { givenName: 'Ada' } });
  });

  test('is found by each of the attributes, and may bind as another one', async () => {
    const people = [withAttributes({ bindsAs: ada.dn })];
    const { id } = await directory({ people, provider: { userBase: 'bindsAs' } });
    expect((await retrieve(id, 'ada@example.net')).idpInformation?.userName).toBe('ada');
    const nothing = await directory({ people, provider: { userBase: 'bindsAsNothing' } });
    expect(await outcome(signIn(nothing.id))).toBe(wrong);
    expect(nothing.ldap.binds).toHaveLength(1);
  });
});

describe('who is not', () => {
  test('is refused in the same words: name, password, class', async () => {
    const { ldap, id } = await directory();
    expect(await outcome(signIn(id, 'grace'))).toBe(wrong);
    expect(await outcome(signIn(id, 'ada', 'another'))).toBe(wrong);
    expect(await outcome(signIn(await add([ldap.url], { userObjectClasses: ['person', 'robot'] })))).toBe(wrong);
    await ldap.left();
  });

  test('is not let in by a bind that proves nothing', async () => {
    const open = (_: string, dn: string) => (dn.startsWith('cn=manager') ? undefined : 0);
    const { ldap, id } = await directory({ trouble: (stage, dn) => (stage === 'bind' ? open(stage, dn) : undefined) });
    expect(await outcome(signIn(id, 'ada', 'anything'))).toBe('ok');
    expect(await outcome(signIn(id, 'ada', ''))).toBe('InvalidArgument INVALID_REQUEST');
    expect(await outcome(signIn(id, 'ada', '\0'))).toBe('InvalidArgument INVALID_REQUEST');
    expect(ldap.binds.filter(({ dn }) => !dn.startsWith('cn=manager'))).toHaveLength(1);
  });

  test('is not let in by an entry without a name, nor is such a bind ever made', async () => {
    const heard: Buffer[] = [];
    const nameless = entryWith(element(0x30, attribute(element(0x31, octets('ada')))), '');
    const answers = [response(1, 0x61, 0), Buffer.concat([nameless, response(2, 0x65, 0)])];
    const url = await startBabbler((said) => {
      heard.push(said);
      return answers[heard.length - 1] ?? response(3, 0x61, 0);
    });
    expect(await outcome(signIn(await add([url], { attributes: { idAttribute: 'uid' } })))).toBe(wrong);
    expect(heard).toHaveLength(2);
    const directory = await openDirectory(server.app, { url, startTls: false, rootCa: '', timeoutMs: 1000 });
    onTestFinished(() => directory.close());
    await expect(directory.bind(ada.dn, '')).rejects.toThrow('name and a password');
    await expect(directory.bind('', password)).rejects.toThrow('name and a password');
    expect(heard).toHaveLength(2);
  });

  test('learns nothing from the time it takes', async () => {
    const { id } = await directory();
    for (const name of ['grace', 'ada']) {
      const begun = performance.now();
      expect(await outcome(signIn(id, name, 'another'))).toBe(wrong);
      expect(performance.now() - begun).toBeGreaterThanOrEqual(stepMs - 1);
    }
  });

  test('writes no filter with a name', async () => {
    const { ldap, id } = await directory({ provider: { userFilters: ['uid'] } });
    const names = ['*', 'a*', '*)(uid=*', 'ada)(uid=*', '*))(&(uid=*', 'ada)(!(uid=x', '*)(objectClass=*', '%2a', '(uid=ada)'];
    const told = await Promise.all(names.map((name) => outcome(signIn(id, name))));
    expect(told.map((each, at) => [names[at], each])).toEqual(names.map((name) => [name, wrong]));
    expect(ldap.searches()).toBe(names.length);
    expect(ldap.binds).toHaveLength(names.length);
  });

  test.each([2, 3])('is refused where %i entries fit, whoever’s the password is', async (count) => {
    const people = ['people', 'robots', 'ghosts'].map((unit) => ({ ...ada, dn: `uid=ada,ou=${unit},dc=example,dc=com` }));
    const { ldap, id } = await directory({ people: people.slice(0, count) });
    expect(await outcome(signIn(id))).toBe(wrong);
    expect(ldap.binds).toHaveLength(1);
  });

  test('is refused by a provider that is switched off, deleted, or no directory', async () => {
    const { ldap, id } = await directory();
    await server.sql`update identity_providers set state = 'inactive' where id = ${id}`;
    expect(await outcome(signIn(id))).toBe('FailedPrecondition PROVIDER_INACTIVE');
    await server.as().admin.deleteProvider({ id });
    expect(await outcome(signIn(id))).toBe('FailedPrecondition PROVIDER_UNKNOWN');
    const { id: other } = await server.as().admin.addGitHubProvider({ name: 'GitHub', clientId: 'x', clientSecret: 'y' });
    expect(await outcome(signIn(other))).toBe('FailedPrecondition PROVIDER_NOT_DIRECTORY');
    expect(ldap.binds).toEqual([]);
  });
});

test.each([
  [
    'switched off',
    'PROVIDER_INACTIVE',
    (id: string) => server.sql`update identity_providers set state = 'inactive' where id = ${id}`,
  ],
  ['deleted', 'PROVIDER_UNKNOWN', (id: string) => server.as().admin.deleteProvider({ id })],
])('nobody is let in by a provider that is %s while it is asked', async (_, reason, change) => {
  const ids: string[] = [];
  const trouble = async (_stage: string, dn: string) => {
    if (dn === ada.dn) for (const id of ids) await change(id);
    return undefined;
  };
  const { id } = await directory({ trouble });
  ids.push(id);
  expect(await outcome(signIn(id))).toBe(`FailedPrecondition ${reason}`);
});

describe('guessing', () => {
  const tooOften = 'ResourceExhausted TRIED_TOO_OFTEN';

  test.each(['ada', 'nobody'])(
    'ends after a few tries at %s, however the name is spelled, until time has passed',
    async (name) => {
      onTestFinished(() => server.setTime(epoch));
      const { ldap, id } = await directory();
      const spellings = [name, name.toUpperCase(), `${name}.`, `${name.at(0)}-${name.slice(1)}`, `.${name}`];
      for (const spelling of spellings) {
        expect(await outcome(signIn(id, spelling, 'a guess'))).toMatch(/CREDENTIALS_WRONG/);
      }
      const said = ldap.binds.length;
      expect(await outcome(signIn(id, name))).toBe(tooOften);
      expect(await outcome(signIn(id, `${name}-`, 'a guess'))).toBe(tooOften);
      expect(ldap.binds).toHaveLength(said);
      expect(await outcome(signIn(id, 'grace'))).toBe(wrong);
      server.setTime(new Date(epoch.getTime() + 2000));
      expect(await outcome(signIn(id, name))).toBe(name === 'ada' ? 'ok' : wrong);
    },
  );

  test('is forgotten with the right password, and not counted while the directory is away', async () => {
    const { id } = await directory();
    for (let round = 0; round < 2; round++) {
      for (let guess = 0; guess < 4; guess++) expect(await outcome(signIn(id, 'ada', 'a guess'))).toBe(wrong);
      expect(await outcome(signIn(id))).toBe('ok');
    }
    const gone = await add(['ldap://127.0.0.1:1']);
    for (let guess = 0; guess < 6; guess++) expect(await outcome(signIn(gone))).toBe(away);
  });

  test('by many at once gets no more answers, while right passwords get all of theirs', async () => {
    const { ldap, id } = await directory();
    const guesses = await Promise.all(Array.from({ length: 12 }, () => outcome(signIn(id, 'ada', 'a guess'))));
    expect(guesses.filter((told) => told === wrong)).toHaveLength(5);
    expect(guesses.filter((told) => told === tooOften)).toHaveLength(7);
    expect(ldap.binds.filter(({ password: said }) => said === 'a guess')).toHaveLength(5);
    const other = await add([ldap.url]);
    const right = await Promise.all(Array.from({ length: 12 }, () => outcome(signIn(other))));
    expect(new Set(right)).toEqual(new Set(['ok']));
  });

  test('is answered for by the network of a stranger, not by that of who may read the users', async () => {
    const limited = await startServer({ env: { ROSTER_OUTGOING_PRIVATE: '127.0.0.0/8', ROSTER_TRIES_PER_NETWORK: '10' } });
    const ldap = await startLdap({ people: [ada] });
    const organizationId = await createOrganization(limited);
    const { management } = limited.as(limited.token, { headers: { 'x-zitadel-orgid': organizationId } });
    const own = await management.addLDAPProvider(provider([ldap.url], {}));
    const common = await add([ldap.url], {}, limited.as());
    const login = await createManager(limited, ['ORG_OWNER'], organizationId);
    const tries = (id: string, stem: string, actor: Pick<Clients, 'users'>) =>
      Promise.all(Array.from({ length: 12 }, (_, n) => outcome(signIn(id, `${stem}${n}`, 'a guess', actor))));
    expect(new Set(await tries(own.id, 'own', login))).toEqual(new Set([wrong]));
    await tries(common, 'common', await createStranger(limited));
    expect(await outcome(signIn(common, 'ada', password, await createStranger(limited)))).toBe(tooOften);
    expect(await outcome(signIn(common, 'ada', password, limited.as()))).toBe('ok');
  });
});

describe('a server that cannot be asked', () => {
  test('is passed over for the next one, in their order', async () => {
    const down = await startLdap();
    await down.stop();
    const locked = await startLdap({ people: [ada], trouble: (stage) => (stage === 'bind' ? 49 : undefined) });
    const busy = await startLdap({ people: [ada], trouble: (stage) => (stage === 'search' ? 51 : undefined) });
    const up = await startLdap({ people: [ada] });
    const spare = await startLdap({ people: [ada] });
    const id = await add([down.url, locked.url, busy.url, up.url, spare.url]);
    expect(await outcome(signIn(id))).toBe('ok');
    expect(await outcome(signIn(id, 'ada', 'another'))).toBe(wrong);
    expect([locked, busy, up, spare].map(({ searches }) => searches())).toEqual([0, 2, 2, 0]);
    expect([locked, busy].flatMap(({ binds }) => binds).every((bind) => bind.password === manager.password)).toBe(true);
    await Promise.all([locked, busy, up].map((ldap) => ldap.left()));
  });

  test.each<[string, LdapOptions['trouble']]>([
    ['refuses the bind', (stage) => (stage === 'bind' ? 49 : undefined)],
    ['hangs up at the bind', (stage) => (stage === 'bind' ? 'hang up' : undefined)],
    ['knows no such base', (stage) => (stage === 'search' ? 32 : undefined)],
    ['sends elsewhere', (stage) => (stage === 'search' ? 10 : undefined)],
    ['hangs up at the search', (stage) => (stage === 'search' ? 'hang up' : undefined)],
    ['is busy at the last bind', (_, dn) => (dn === ada.dn ? 51 : undefined)],
    ['hangs up at the last bind', (_, dn) => (dn === ada.dn ? 'hang up' : undefined)],
  ])('for it %s is away', async (_, trouble) => {
    const { ldap, id } = await directory({ ...(trouble && { trouble }) });
    expect(await outcome(signIn(id))).toBe(away);
    await ldap.left();
  });

  test.each<[string, LdapOptions['trouble'] | 'connect']>([
    ['after the connection', 'connect'],
    ['to the bind', (stage) => (stage === 'bind' ? 'silence' : undefined)],
    ['to the search', (stage) => (stage === 'search' ? 'silence' : undefined)],
    ['to the last bind', (_, dn) => (dn === ada.dn ? 'silence' : undefined)],
    ['to StartTLS', (stage) => (stage === 'starttls' ? 'silence' : undefined)],
  ])('for it says nothing %s is given up', async (what, trouble) => {
    const quiet = { timeout: { nanos: 150_000_000 }, startTls: what.endsWith('StartTLS'), rootCa };
    if (trouble === 'connect') {
      const url = await startBabbler(() => Buffer.alloc(0));
      const begun = performance.now();
      expect(await outcome(signIn(await add([url.replace('ldap:', 'ldaps:')], quiet)))).toBe(away);
      expect(performance.now() - begun).toBeLessThan(3000);
      return;
    }
    const { ldap, id } = await directory({ ...(trouble && { trouble }), provider: quiet });
    expect(await outcome(signIn(id))).toBe(away);
    await ldap.left();
  });

  test('for nobody may go there is not asked, and without TLS only where that is allowed', async () => {
    const strict = await startServer({ env: { ROSTER_OUTGOING_PRIVATE: '127.0.0.2' } });
    const at = async (url: string, options?: Provider) =>
      outcome(signIn(await add([url], options, strict.as()), 'ada', password, strict.as()));
    const forbidden = await startLdap({ people: [ada] });
    expect(await at(forbidden.url)).toBe(away);
    expect(await at(forbidden.url.replace('127.0.0.1', 'localhost'))).toBe(away);
    expect(await at(forbidden.url.replace('127.0.0.1', '2130706433'))).toBe(away);
    expect(await at(forbidden.url.replace('127.0.0.1', '[::ffff:127.0.0.1]'))).toBe(away);
    expect(await at(forbidden.url, { startTls: true, rootCa })).toBe(away);
    expect(forbidden.binds).toEqual([]);
    const allowed = await startLdap({ people: [ada], host: '127.0.0.2' });
    expect(await at(allowed.url)).toBe('ok');
  });
});

describe('TLS', () => {
  const stranger = new Uint8Array(Buffer.from(getCACertificates('bundled')[0] ?? ''));

  test.each([
    ['from the start', 'tls', false],
    ['by StartTLS', 'none', true],
  ] as const)('%s hides all passwords from who listens, and takes only the given authority', async (_, security, startTls) => {
    const { ldap, id } = await directory({ security, provider: { startTls, rootCa } });
    expect(await outcome(signIn(id))).toBe('ok');
    expect(await outcome(signIn(await add([ldap.url.replace('127.0.0.1', 'localhost')], { startTls, rootCa })))).toBe('ok');
    expect(ldap.binds).toHaveLength(4);
    expect(ldap.binds.every(({ secure }) => secure)).toBe(true);
    await ldap.left();
    expect(await outcome(signIn(await add([ldap.url], { startTls, rootCa: stranger })))).toBe(away);
    expect(await outcome(signIn(await add([ldap.url], { startTls })))).toBe(away);
    expect(ldap.binds).toHaveLength(4);
    const elsewhere = await startLdap({ people: [ada], security, host: '127.0.0.2' });
    expect(await outcome(signIn(await add([elsewhere.url], { startTls, rootCa })))).toBe(away);
    expect(elsewhere.binds).toEqual([]);
  });

  test('takes the authorities that the operator named, where the provider names none', async () => {
    const env = { ROSTER_OUTGOING_PRIVATE: '127.0.0.1', ROSTER_OUTGOING_CA: certificateFile };
    const trusting = (await startServer({ env })).as();
    const ldap = await startLdap({ people: [ada], security: 'tls' });
    expect(await outcome(signIn(await add([ldap.url], {}, trusting), 'ada', password, trusting))).toBe('ok');
    expect(await outcome(signIn(await add([ldap.url], { rootCa: stranger }, trusting), 'ada', password, trusting))).toBe(away);
  });

  test.each([1, 2, 52])('that a server refuses with %i ends it: nothing is said in clear', async (code) => {
    const trouble: LdapOptions['trouble'] = (stage) => (stage === 'starttls' ? code : undefined);
    const { ldap, id } = await directory({ trouble, provider: { startTls: true, rootCa } });
    expect(await outcome(signIn(id))).toBe(away);
    expect(ldap.binds).toEqual([]);
    expect(ldap.searches()).toBe(0);
  });

  test('does not begin behind bytes that came with the agreement', async () => {
    const agreed = (more: Buffer) => Buffer.concat([response(1, 0x78, 0), more]);
    const heard: string[] = [];
    const url = await startBabbler((said) => {
      heard.push(said.toString('latin1'));
      return agreed(response(2, 0x61, 0));
    });
    expect(await outcome(signIn(await add([url], { startTls: true, rootCa })))).toBe(away);
    expect(heard).toHaveLength(1);
  });
});

const octets = (text: string | Buffer) => element(0x04, Buffer.from(text));
const integer = (tag: number, value: number) => element(tag, Buffer.from([value]));
const message = (id: number, operation: Buffer) => element(0x30, integer(0x02, id), operation);
const response = (id: number, tag: number, code: number) =>
  message(id, element(tag, integer(0x0a, code), octets(''), octets('')));
const lying = Buffer.from([0x31, 0x84, 0x10, 0, 0, 0]);
const attribute = (values: Buffer) => element(0x30, octets('uid'), values);
const entryWith = (list: Buffer, dn = ada.dn) => message(2, element(0x64, octets(dn), list));

describe('what a server says that is no answer', () => {
  test.each<[string, Buffer | 'end']>([
    ['a set that is shorter than it says', entryWith(element(0x30, attribute(lying)))],
    ['the same, hidden in a string', entryWith(element(0x04, attribute(lying)))],
    ['thousands of messages at once', Buffer.concat(Array(60_000).fill(Buffer.from([0x30, 5, 2, 1, 1, 0x73, 0])))],
    ['a length without an end', Buffer.from([0x30, 0x80, 2, 1, 2, 0, 0])],
    ['a length of five bytes', Buffer.from([0x30, 0x85, 0, 0, 0, 0, 1, 0])],
    ['a message without anything', Buffer.from([0x30, 0])],
    ['no message', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['an answer to another request', response(3, 0x65, 0)],
    ['the result of another operation', response(2, 0x61, 0)],
    ['a result without a code', message(2, element(0x65))],
    ['a notice of disconnection', message(0, element(0x78, integer(0x0a, 52), octets(''), octets('')))],
    ['an answer and more', Buffer.concat([response(2, 0x65, 0), Buffer.from([0x30])])],
    ['nothing, and goes', 'end'],
  ])('is none: %s', async (_, said) => {
    let turn = 0;
    const url = await startBabbler(() => (turn++ === 0 ? response(1, 0x61, 0) : said));
    expect(await outcome(signIn(await add([url], { timeout: { nanos: 300_000_000 } })))).toBe(away);
    expect(await outcome(server.as().admin.listProviders({}))).toBe('ok');
  });

  test.each([
    [1, 'ok'],
    [40_000, away],
  ])('but an answer may hold references, which nobody follows: %i of them', async (count, expected) => {
    const reference = message(2, element(0x73, octets('ldap://127.0.0.1:1/dc=example')));
    const entry = entryWith(element(0x30, attribute(element(0x31, octets('ada')))));
    const found = Buffer.concat([...Array<Buffer>(count).fill(reference), entry, response(2, 0x65, 0)]);
    const answers = [response(1, 0x61, 0), found, response(3, 0x61, 0)];
    let turn = 0;
    const url = await startBabbler(() => answers[turn++] ?? Buffer.alloc(0));
    expect(await outcome(signIn(await add([url], { attributes: { idAttribute: 'UID' } })))).toBe(expected);
  });
});

describe('values', () => {
  const told = async (more: Person['attributes'], changes: Record<string, string> = {}) => {
    const { id } = await directory({ people: [withAttributes(more)], provider: { attributes: { ...attributes, ...changes } } });
    return retrieve(id);
  };
  const shownOf = ({ idpInformation }: Awaited<ReturnType<typeof retrieve>>) =>
    idpInformation?.access.case === 'ldap' ? idpInformation.access.value.attributes : undefined;

  test('make an id, binary ones too, the same each time', async () => {
    const guid = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
    for (let time = 0; time < 2; time++) {
      const { idpInformation } = await told({ objectGUID: guid }, { idAttribute: 'objectGUID' });
      expect(idpInformation?.userId).toBe(guid.toString('hex'));
    }
  });

  test.each<[string, Person['attributes']]>([
    ['without any', { entryUUID: [] }],
    ['that is empty', { entryUUID: '' }],
    ['of several', { entryUUID: ['one', 'two'] }],
    ['too long for a link', { entryUUID: 'x'.repeat(201) }],
    ['too long for a value', { entryUUID: 'x'.repeat(5000) }],
  ])('make no id: %s', async (_, more) => {
    const { id } = await directory({ people: [withAttributes(more)] });
    expect(await outcome(signIn(id))).toBe('FailedPrecondition PROVIDER_ANSWER_WRONG');
    const [row] = await server.sql`select count(*)::int as count from intents where provider_id = ${id}`;
    expect(row).toEqual({ count: 0 });
  });

  test('that are no text are shown in hexadecimal and are no part of a profile', async () => {
    const latin = Buffer.from('Ad\u00e9', 'latin1');
    const answer = await told({
      givenName: latin,
      displayName: 'A\0da',
      sn: 'a\u0007',
      mail: 'line\nline',
      mobile: [latin, 'x'],
    });
    expect(shownOf(answer)).toMatchObject({
      givenName: [latin.toString('hex')],
      displayName: ['41006461'],
      SN: ['6107'],
      mail: ['line\nline'],
      mobile: [latin.toString('hex'), 'x'],
    });
    expect(answer.idpInformation?.userName).toBe('ada');
    expect(answer.addHumanUser).toMatchObject({ profile: { givenName: '' } });
    expect(answer.addHumanUser?.phone).toBeUndefined();
    expect(answer.addHumanUser?.profile?.displayName).toBeUndefined();
  });

  test('are bounded in number and in length', async () => {
    const many = Array.from({ length: 10_000 }, (_, n) => `number ${n}`);
    const answer = await told(
      { description: many, title: ['x'.repeat(5000), 'short'] },
      { profileAttribute: 'description', nickNameAttribute: 'title' },
    );
    expect(shownOf(answer)).toMatchObject({ description: many.slice(0, 100), title: ['short'] });
    expect(answer.addHumanUser?.profile?.nickName).toBe('short');
  });

  test('of a name that means something to JavaScript are values like others', async () => {
    const answer = await told({ constructor: 'built' }, { nickNameAttribute: 'constructor', profileAttribute: 'toString' });
    expect(answer.addHumanUser?.profile?.nickName).toBe('built');
  });

  test.each([
    ['en', 'en'],
    ['pt-br;q=0.5', 'pt-BR'],
    ['neitherthisnorthat', 'und'],
    ['*', 'und'],
  ])('for a language: %s', async (preferredLanguage, expected) => {
    expect((await told({ preferredLanguage })).addHumanUser?.profile?.preferredLanguage).toBe(expected);
  });
});

test('no password is logged, whatever happens, nor what people typed for a name kept', async () => {
  const lines: string[] = [];
  const { log } = server.app;
  onTestFinished(() => {
    Object.assign(server.app, { log });
  });
  const written = pino({ level: 'trace', serializers: { err: plainError } }, { write: (line: string) => lines.push(line) });
  Object.assign(server.app, { log: written });
  const secret = 'typed into the wrong field';
  const { ldap, id } = await directory({ trouble: (_, dn) => (dn === ada.dn ? 51 : undefined) });
  expect(await outcome(signIn(id))).toBe(away);
  expect(await outcome(signIn(id, 'typed-for-a-name', secret))).toBe(wrong);
  await ldap.stop();
  expect(await outcome(signIn(id, 'typed-for-a-name', secret))).toBe(away);
  expect(lines.join('')).toContain('could not be asked');
  for (const word of [password, secret, manager.password, 'typed-for-a-name']) expect(lines.join('')).not.toContain(word);
  const guesses = await server.sql`select user_id from guesses where user_id like ${`${id}:%`}`;
  expect(guesses).toHaveLength(2);
  expect(JSON.stringify(guesses)).not.toMatch(/typed/);
});

describe.skipIf(!hasSlapd)('OpenLDAP', () => {
  let urls: Awaited<ReturnType<typeof startSlapd>>;
  beforeAll(async () => {
    const person = (uid: string, more = '') =>
      `dn: uid=${uid},dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: ${uid}\ncn: ${uid}\nsn: Lovelace\n${more}`;
    const photo = Buffer.from([0xff, 0xd8, 0, 1]).toString('base64');
    const secret = Buffer.from(password).toString('base64');
    urls = await startSlapd(
      `${person('ada', `mail: ada@example.net\njpegPhoto:: ${photo}\nuserPassword:: ${secret}\n`)}\n${person('grace')}`,
    );
  });
  const common: Provider = { attributes: { ...attributes, avatarUrlAttribute: 'jpegPhoto' }, rootCa };

  test.each([
    ['in clear', () => urls.url, false],
    ['with StartTLS', () => urls.url, true],
    ['with TLS', () => urls.secureUrl, false],
  ] as const)('is spoken to %s', async (_, url, startTls) => {
    const id = await add([url()], { ...common, startTls });
    const answer = await retrieve(id);
    expect(answer.idpInformation?.userId).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.idpInformation?.rawInformation).toMatchObject({ uid: ['ada'], SN: ['Lovelace'], jpegPhoto: ['ffd80001'] });
    expect(JSON.stringify(answer.idpInformation?.rawInformation)).not.toMatch(/password/i);
    expect((await retrieve(id, 'ada@example.net')).idpInformation?.userId).toBe(answer.idpInformation?.userId);
    const names = ['grace', 'nobody', '*', '*)(uid=*', 'ada)(uid=*'];
    const refused = [signIn(id, 'ada', 'another'), ...names.map((name) => signIn(id, name))].map(outcome);
    expect(new Set(await Promise.all(refused))).toEqual(new Set([wrong]));
    expect(await outcome(signIn(await add([url()], { ...common, startTls, bindPassword: 'another' })))).toBe(away);
    expect(await outcome(signIn(await add([url()], { ...common, startTls, baseDn: 'dc=nowhere' })))).toBe(away);
    expect(await outcome(signIn(await add([url()], { ...common, startTls, userFilters: ['noSuchAttribute'] })))).toBe(wrong);
  });
});
