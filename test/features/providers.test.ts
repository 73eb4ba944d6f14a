// Identity providers of the instance and of organizations, by the calls of both services.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Message, MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs, timestampDate } from '@bufbuild/protobuf/wkt';
import { ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import postgres from 'postgres';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { AdminService } from '../../gen/zitadel/admin/v1/admin_pb.ts';
import {
  AutoLinkingOption,
  IDPOwnerType,
  IDPState,
  type LDAPAttributesSchema,
  ProviderType,
} from '../../gen/zitadel/idp/v1/idp_pb.ts';
import type { ProviderQuerySchema } from '../../gen/zitadel/management/v1/management_pb.ts';
import { TextQueryMethod } from '../../gen/zitadel/v1/object_pb.ts';
import { createInstanceManager, createManager, createOrganization, createStranger, homeOf, unique } from '../support/actors.ts';
import { createDatabase } from '../support/database.ts';
import { brokenFields, outcome } from '../support/errors.ts';
import { addressOf, end, startRoster } from '../support/process.ts';
import { scratch } from '../support/scratch.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let home: string;
let instanceId: string;

beforeAll(async () => {
  server = await startServer();
  home = await homeOf(server);
  const [row] = await server.sql<{ id: string }[]>`select id from instances`;
  instanceId = row?.id ?? '';
});

beforeEach(() => server.setTime(epoch));

type Service = Clients['admin'] | Clients['management'];

const within = (organizationId: string, token = server.token) =>
  server.as(token, { headers: { 'x-zitadel-orgid': organizationId } }).management;

const services: readonly [string, () => Service, () => { owner: string; ownerType: IDPOwnerType }][] = [
  ['AdminService', () => server.as().admin, () => ({ owner: instanceId, ownerType: IDPOwnerType.IDP_OWNER_TYPE_SYSTEM })],
  ['ManagementService', () => within(home), () => ({ owner: home, ownerType: IDPOwnerType.IDP_OWNER_TYPE_ORG })],
];

const secret = 'a secret of a provider';
const providerOptions = {
  isLinkingAllowed: true,
  isCreationAllowed: false,
  isAutoCreation: true,
  isAutoUpdate: false,
  autoLinking: AutoLinkingOption.EMAIL,
};
const attributes: MessageInitShape<typeof LDAPAttributesSchema> = {
  idAttribute: 'uid',
  firstNameAttribute: 'givenName',
  lastNameAttribute: 'sn',
  displayNameAttribute: 'displayName',
  nickNameAttribute: 'nick',
  preferredUsernameAttribute: 'cn',
  emailAttribute: 'mail',
  emailVerifiedAttribute: 'mailVerified',
  phoneAttribute: 'mobile',
  phoneVerifiedAttribute: 'mobileVerified',
  preferredLanguageAttribute: 'preferredLanguage',
  avatarUrlAttribute: 'jpegPhoto',
  profileAttribute: 'labeledURI',
};

const oidc = { issuer: 'https://login.example.org/tenant', clientId: 'roster', scopes: ['openid', 'email'] };
const oauth = {
  clientId: 'roster',
  authorizationEndpoint: 'https://login.example.org/authorize?tenant=1',
  tokenEndpoint: 'https://login.example.org/token',
  userEndpoint: 'https://api.example.org/me',
  idAttribute: 'id',
  scopes: ['user'],
};
const jwt = {
  jwtEndpoint: 'https://portal.example.org/jwt',
  issuer: 'portal',
  keysEndpoint: 'https://portal.example.org/keys',
  headerName: 'x-portal-token',
};
const ldap = {
  servers: ['ldaps://one.example.org', 'ldap://two.example.org:1389'],
  startTls: true,
  baseDn: 'dc=example,dc=org',
  bindDn: 'cn=roster',
  userBase: 'dn',
  userObjectClasses: ['person'],
  userFilters: ['uid', 'mail'],
  timeout: durationFromMs(2500),
};

/** One of each type: how it is added and replaced, and how it reads then. */
const samples = [
  {
    type: ProviderType.OIDC,
    add: (at: Service, name: string) =>
      at.addGenericOIDCProvider({ name, ...oidc, clientSecret: secret, providerOptions, isIdTokenMapping: true, usePkce: true }),
    update: (at: Service, id: string, name: string, clientSecret = '') =>
      at.updateGenericOIDCProvider({ id, name, ...oidc, clientSecret, providerOptions, isIdTokenMapping: true, usePkce: true }),
    shown: { case: 'oidc', value: { ...oidc, isIdTokenMapping: true, usePkce: true } },
  },
  {
    type: ProviderType.OAUTH,
    add: (at: Service, name: string) =>
      at.addGenericOAuthProvider({ name, ...oauth, clientSecret: secret, providerOptions, usePkce: true }),
    update: (at: Service, id: string, name: string, clientSecret = '') =>
      at.updateGenericOAuthProvider({ id, name, ...oauth, clientSecret, providerOptions, usePkce: true }),
    shown: { case: 'oauth', value: { ...oauth, usePkce: true } },
  },
  {
    type: ProviderType.GOOGLE,
    add: (at: Service, name: string) =>
      at.addGoogleProvider({ name, clientId: 'roster', clientSecret: secret, scopes: ['openid'], providerOptions }),
    update: undefined,
    shown: { case: 'google', value: { clientId: 'roster', scopes: ['openid'] } },
  },
  {
    type: ProviderType.GITHUB,
    add: (at: Service, name: string) =>
      at.addGitHubProvider({ name, clientId: 'roster', clientSecret: secret, scopes: ['user'], providerOptions }),
    update: undefined,
    shown: { case: 'github', value: { clientId: 'roster', scopes: ['user'] } },
  },
  {
    type: ProviderType.JWT,
    add: (at: Service, name: string) => at.addJWTProvider({ name, ...jwt, providerOptions }),
    update: (at: Service, id: string, name: string) => at.updateJWTProvider({ id, name, ...jwt, providerOptions }),
    shown: { case: 'jwt', value: jwt },
  },
  {
    type: ProviderType.LDAP,
    add: (at: Service, name: string) => at.addLDAPProvider({ name, ...ldap, bindPassword: secret, attributes, providerOptions }),
    update: (at: Service, id: string, name: string, bindPassword = '') =>
      at.updateLDAPProvider({ id, name, ...ldap, bindPassword, attributes, providerOptions }),
    shown: { case: 'ldap', value: { ...ldap, attributes, rootCa: new Uint8Array() } },
  },
] as const;

const noted = (message: Message | undefined): string =>
  JSON.stringify(message, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
const rowOf = async (id: string) => (await server.sql`select * from identity_providers where id = ${id}`)[0];
const get = async (at: Service, id: string) => (await at.getProviderByID({ id })).idp;

describe.each(services)('%s', (_, service, place) => {
  test.each(samples)(
    'a provider of type $type is stored, returned and listed without its secret',
    async ({ type, add, shown }) => {
      const { owner, ownerType } = place();
      const name = unique('Stored ');
      const added = await add(service(), name);
      expect(added.id).toMatch(/^\d{18}$/);
      expect(added.details).toMatchObject({ sequence: 1n, resourceOwner: owner });
      expect(added.details?.changeDate).toBeUndefined();
      expect(added.details?.creationDate && timestampDate(added.details.creationDate)).toEqual(epoch);
      const idp = await get(service(), added.id);
      expect(idp).toMatchObject({
        ...{ id: added.id, name, type, owner: ownerType, state: IDPState.IDP_STATE_ACTIVE },
        details: { sequence: 1n, resourceOwner: owner, creationDate: added.details?.creationDate },
        config: { options: providerOptions, config: shown },
      });
      const { result, details } = await service().listProviders({ queries: [queryOf.name(name)] });
      expect(result).toEqual([idp]);
      expect(details).toMatchObject({ totalResult: 1n });
      expect(noted(idp) + noted(added)).not.toContain(secret);
      expect(JSON.stringify(await rowOf(added.id))).not.toContain(secret);
      const stored = (await rowOf(added.id))?.secret;
      expect(stored === null || !Buffer.from(stored).includes(secret)).toBe(true);
      expect(stored === null).toBe(type === ProviderType.JWT);
    },
  );

  test.each(samples.flatMap(({ type, add, update }) => (update ? [{ type, add, update }] : [])))(
    'a provider of type $type is replaced; an empty secret keeps the one there, and no change is none',
    async ({ type, add, update }) => {
      const { owner } = place();
      const name = unique('Replaced ');
      const { id } = await add(service(), name);
      const before = await rowOf(id);
      server.setTime(new Date(epoch.getTime() + 60_000));
      const same = await update(service(), id, name);
      expect(same.details).toMatchObject({ sequence: 1n, resourceOwner: owner });
      expect(same.details?.changeDate && timestampDate(same.details.changeDate)).toEqual(epoch);
      if (type !== ProviderType.JWT) await update(service(), id, name, secret);
      expect(await rowOf(id)).toEqual(before);

      const renamed = await update(service(), id, `${name} again`);
      expect(renamed.details).toMatchObject({ sequence: 2n });
      expect(renamed.details?.creationDate).toBeUndefined();
      expect(renamed.details?.changeDate && timestampDate(renamed.details.changeDate)).toEqual(
        new Date(epoch.getTime() + 60_000),
      );
      const after = await rowOf(id);
      expect(after).toMatchObject({ name: `${name} again`, secret: before?.secret, created_at: before?.created_at });
      if (type === ProviderType.JWT) return;
      expect((await update(service(), id, `${name} again`, 'another secret')).details).toMatchObject({ sequence: 3n });
      expect((await rowOf(id))?.secret).not.toEqual(before?.secret);
    },
  );

  test('is changed and deleted as what it is, where it is, and once', async () => {
    const added = await Promise.all(
      samples.map(async ({ type, add }) => ({ type, ...(await add(service(), unique('Typed '))) })),
    );
    for (const { type: updated, update } of samples) {
      for (const { id, type } of added) {
        if (!update || type === updated) continue;
        expect(await outcome(update(service(), id, 'x'))).toBe('NotFound PROVIDER_NOT_FOUND');
      }
    }
    server.setTime(new Date(epoch.getTime() + 60_000));
    for (const { id } of added) {
      const { details } = await service().deleteProvider({ id });
      expect(details).toMatchObject({ sequence: 2n, resourceOwner: place().owner });
      expect(details?.changeDate && timestampDate(details.changeDate)).toEqual(new Date(epoch.getTime() + 60_000));
      expect(await outcome(service().deleteProvider({ id }))).toBe('NotFound PROVIDER_NOT_FOUND');
      expect(await outcome(service().getProviderByID({ id }))).toBe('NotFound PROVIDER_NOT_FOUND');
    }
  });

  test('Google and GitHub are called so where no name is given, and nothing is allowed that nobody allowed', async () => {
    const google = await service().addGoogleProvider({ clientId: 'roster', clientSecret: secret });
    const github = await service().addGitHubProvider({ clientId: 'roster', clientSecret: secret });
    expect((await get(service(), google.id))?.name).toBe('Google');
    expect((await get(service(), github.id))?.name).toBe('GitHub');
    expect((await get(service(), github.id))?.config?.options).toMatchObject({
      ...{ isLinkingAllowed: false, isCreationAllowed: false, isAutoCreation: false, isAutoUpdate: false },
      autoLinking: AutoLinkingOption.UNSPECIFIED,
    });
  });

  test('what could never work is refused by the name of its field', async () => {
    const common = { name: 'x', clientId: 'x', clientSecret: 'x' };
    const at = service();
    const urls = [
      'nowhere',
      'ftp://login.example.org',
      'https://me:pw@login.example.org',
      'https://login.example.org/#x',
      'https://',
    ];
    for (const url of urls) {
      const refused: [string, () => Promise<unknown>][] = [
        ['issuer', () => at.addGenericOIDCProvider({ ...common, issuer: url })],
        ['authorization_endpoint', () => at.addGenericOAuthProvider({ ...common, ...oauth, authorizationEndpoint: url })],
        ['token_endpoint', () => at.addGenericOAuthProvider({ ...common, ...oauth, tokenEndpoint: url })],
        ['user_endpoint', () => at.addGenericOAuthProvider({ ...common, ...oauth, userEndpoint: url })],
        ['jwt_endpoint', () => at.addJWTProvider({ name: 'x', ...jwt, jwtEndpoint: url })],
        ['keys_endpoint', () => at.addJWTProvider({ name: 'x', ...jwt, keysEndpoint: url })],
        [
          'servers[1]',
          () => at.addLDAPProvider({ name: 'x', ...ldap, bindPassword: 'x', servers: ['ldap://one.example.org', url] }),
        ],
      ];
      for (const [field, call] of refused) expect(await brokenFields(call())).toEqual([field]);
    }
    const named = [
      ['name', () => at.addJWTProvider({ ...jwt })],
      ['client_id', () => at.addGoogleProvider({ clientSecret: 'x' })],
      ['client_secret', () => at.addGitHubProvider({ clientId: 'x' })],
      ['servers', () => at.addLDAPProvider({ name: 'x', ...ldap, bindPassword: 'x', servers: [] })],
      ['bind_password', () => at.addLDAPProvider({ name: 'x', ...ldap })],
      ['name', () => at.addJWTProvider({ name: 'x'.repeat(201), ...jwt })],
      ['scopes[0]', () => at.addGoogleProvider({ clientId: 'x', clientSecret: 'x', scopes: ['x'.repeat(101)] })],
      ['root_ca', () => at.addLDAPProvider({ name: 'x', ...ldap, bindPassword: 'x', rootCa: new Uint8Array(12_001) })],
    ] as const;
    for (const [field, call] of named) expect(await brokenFields(call())).toEqual([field]);
    for (const headerName of ['x token', 'x-token:', 'x\r\ny', 'jeton-é', ':path', 'Cookie', 'HOST', 'transfer-encoding']) {
      expect(await brokenFields(at.addJWTProvider({ name: 'x', ...jwt, headerName }))).toEqual(['header_name']);
    }
    expect(await outcome(at.addJWTProvider({ name: 'x', ...jwt, headerName: 'Host' }))).toBe(
      'InvalidArgument PROVIDER_HEADER_INVALID',
    );
    expect(await outcome(at.addJWTProvider({ name: 'x', ...jwt, headerName: 'Authorization' }))).toBe('ok');
    for (const pem of ['x', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', `${certificate}\nx`]) {
      const refused = at.addLDAPProvider({ name: 'x', ...ldap, bindPassword: 'x', rootCa: Buffer.from(pem) });
      expect(await brokenFields(refused)).toEqual(['root_ca']);
    }
    const { id } = await at.addLDAPProvider({
      name: 'x',
      ...ldap,
      bindPassword: 'x',
      rootCa: Buffer.from(`${certificate}\n${certificate}`),
    });
    expect(await brokenFields(at.updateLDAPProvider({ id, name: 'x', ...ldap, servers: ['https://one.example.org'] }))).toEqual([
      'servers[0]',
    ]);
    const idp = await get(at, id);
    const rootCa = idp?.config?.config.case === 'ldap' ? idp.config.config.value.rootCa : undefined;
    expect(Buffer.from(rootCa ?? []).toString()).toBe(`${certificate}\n${certificate}`);
    expect(await outcome(at.addGenericOIDCProvider({ ...common, issuer: 'http://login.internal:8080' }))).toBe('ok');
  });
});

const queryOf = {
  id: (id: string) => ({ query: { case: 'idpIdQuery', value: { id } } }) as const,
  name: (name: string, method: TextQueryMethod = TextQueryMethod.EQUALS) =>
    ({ query: { case: 'idpNameQuery', value: { name, method } } }) as const,
  owner: (ownerType: IDPOwnerType) => ({ query: { case: 'ownerTypeQuery', value: { ownerType } } }) as const,
};
const addTo = async (at: Service, name: string) => (await at.addJWTProvider({ name, ...jwt })).id;

describe('whose they are', () => {
  test('an organization reads the instance’s and changes its own', async () => {
    const [one, other] = [await createOrganization(server), await createOrganization(server)];
    const ofInstance = await addTo(server.as().admin, unique('Common '));
    const own = await addTo(within(one), unique('Own '));
    const foreign = await addTo(within(other), unique('Foreign '));
    const refused = 'NotFound PROVIDER_NOT_FOUND';
    for (const [id, reads, changes] of [
      [own, 'ok', 'ok'],
      [ofInstance, 'ok', refused],
      [foreign, refused, refused],
    ] as const) {
      expect(await outcome(within(one).getProviderByID({ id }))).toBe(reads);
      expect(await outcome(within(one).updateJWTProvider({ id, name: 'x', ...jwt }))).toBe(changes);
      expect(await outcome(within(one).deleteProvider({ id }))).toBe(changes);
    }
    for (const id of [foreign, own]) {
      expect(await outcome(server.as().admin.getProviderByID({ id }))).toBe(refused);
      expect(await outcome(server.as().admin.updateJWTProvider({ id, name: 'x', ...jwt }))).toBe(refused);
      expect(await outcome(server.as().admin.deleteProvider({ id }))).toBe(refused);
    }
    expect((await get(within(one), ofInstance))?.owner).toBe(IDPOwnerType.IDP_OWNER_TYPE_SYSTEM);
    expect((await rowOf(foreign))?.sequence).toBe('1');
    const listed = async (at: Service) => (await at.listProviders({ query: { limit: 1000 } })).result.map(({ id }) => id);
    expect(await listed(within(one))).toContain(ofInstance);
    expect(await listed(within(one))).not.toContain(foreign);
    expect(await listed(within(other))).toContain(foreign);
    expect(await listed(server.as().admin)).not.toContain(foreign);
  });

  test('roles read and write them on the instance and in their organization only', async () => {
    const organizationId = await createOrganization(server);
    const ofInstance = await addTo(server.as().admin, unique('Common '));
    const denied = 'PermissionDenied PERMISSION_DENIED';
    const iam = async (...roles: string[]) => (await createInstanceManager(server, roles)).token;
    const org = async (role: string, id = organizationId) => (await createManager(server, [role], id)).token;
    const cases = [
      [await iam('IAM_OWNER'), 'ok', 'ok', 'ok', 'ok'],
      [await iam('IAM_OWNER_VIEWER'), 'ok', denied, 'ok', denied],
      [await iam('IAM_USER_MANAGER'), denied, denied, denied, denied],
      [await org('ORG_OWNER'), denied, denied, 'ok', 'ok'],
      [await org('ORG_OWNER_VIEWER'), denied, denied, 'ok', denied],
      [await org('ORG_USER_MANAGER'), denied, denied, denied, denied],
    ] as const;
    for (const [token, instanceRead, instanceWrite, orgRead, orgWrite] of cases) {
      const { admin } = server.as(token);
      const management = within(organizationId, token);
      const said = await Promise.all([
        outcome(admin.listProviders({})),
        outcome(admin.addJWTProvider({ name: 'x', ...jwt })),
        outcome(management.getProviderByID({ id: ofInstance })),
        outcome(management.addJWTProvider({ name: 'x', ...jwt })),
      ]);
      expect(said).toEqual([instanceRead, instanceWrite, orgRead, orgWrite]);
    }
    const outside = await org('ORG_OWNER', await createOrganization(server));
    const stranger = (await createStranger(server)).token;
    for (const token of [outside, stranger]) {
      expect(await outcome(within(organizationId, token).listProviders({}))).toMatch(/^(NotFound|PermissionDenied)/);
      expect(await outcome(within(organizationId, token).addJWTProvider({ name: 'x', ...jwt }))).toMatch(
        /^(NotFound|PermissionDenied)/,
      );
    }
  });

  test('go with their organization', async () => {
    const organizationId = await createOrganization(server);
    const id = await addTo(within(organizationId), 'x');
    await server.sql`delete from organization_domains where organization_id = ${organizationId}`;
    await server.sql`delete from organizations where id = ${organizationId}`;
    expect(await rowOf(id)).toBeUndefined();
  });
});

describe('a list', () => {
  let organizationId: string;
  let ids: string[];
  const names = ['Straße', 'STRASSE two', 'Other 100%', 'other_one', 'Another'];
  const list = async (queries: MessageInitShape<typeof ProviderQuerySchema>[], query: object = { asc: true }) => {
    const { result, details } = await within(organizationId).listProviders({ query, queries });
    return { names: result.map(({ name }) => name), total: Number(details?.totalResult) };
  };
  const own = queryOf.owner(IDPOwnerType.IDP_OWNER_TYPE_ORG);

  beforeAll(async () => {
    organizationId = await createOrganization(server);
    ids = [];
    for (const name of names) ids.push(await addTo(within(organizationId), name));
  });

  test('is narrowed by name, with every method', async () => {
    const cases: [TextQueryMethod, string, string[]][] = [
      [TextQueryMethod.EQUALS, 'Straße', ['Straße']],
      [TextQueryMethod.EQUALS, 'straße', []],
      [TextQueryMethod.EQUALS_IGNORE_CASE, 'STRASSE', ['Straße']],
      [TextQueryMethod.STARTS_WITH, 'Oth', ['Other 100%']],
      [TextQueryMethod.STARTS_WITH_IGNORE_CASE, 'oTH', ['Other 100%', 'other_one']],
      [TextQueryMethod.CONTAINS, 'other', ['other_one', 'Another']],
      [TextQueryMethod.CONTAINS_IGNORE_CASE, 'OTHER', ['Other 100%', 'other_one', 'Another']],
      [TextQueryMethod.ENDS_WITH, 'E', []],
      [TextQueryMethod.ENDS_WITH_IGNORE_CASE, 'E', ['Straße', 'other_one']],
      [TextQueryMethod.CONTAINS, '%', ['Other 100%']],
      [TextQueryMethod.CONTAINS, '_', ['other_one']],
    ];
    for (const [method, text, expected] of cases) {
      expect(await list([own, queryOf.name(text, method)])).toEqual({ names: expected, total: expected.length });
    }
  });

  test('is narrowed by id and by owner, and by all together', async () => {
    expect(await list([queryOf.id(ids[1] ?? '')])).toEqual({ names: ['STRASSE two'], total: 1 });
    expect(await list([queryOf.id(ids[1] ?? ''), queryOf.name('Straße')])).toEqual({ names: [], total: 0 });
    expect(await list([own])).toEqual({ names, total: 5 });
    const { total: ofInstance } = await list([queryOf.owner(IDPOwnerType.IDP_OWNER_TYPE_SYSTEM)]);
    expect((await list([queryOf.owner(IDPOwnerType.IDP_OWNER_TYPE_UNSPECIFIED)])).total).toBe(5 + ofInstance);
    const empty = within(organizationId).listProviders({ queries: [own, { query: { case: undefined } }] });
    expect(await brokenFields(empty)).toEqual(['queries[1]']);
  });

  test('comes by pages, newest first unless told otherwise', async () => {
    expect(await list([own], {})).toEqual({ names: names.toReversed(), total: 5 });
    expect(await list([own], { asc: true, limit: 2 })).toEqual({ names: names.slice(0, 2), total: 5 });
    expect(await list([own], { asc: true, limit: 2, offset: 4n })).toEqual({ names: names.slice(4), total: 5 });
    expect(await list([own], { offset: 2n ** 64n - 1n })).toEqual({ names: [], total: 5 });
    expect(await brokenFields(list([own], { limit: 1001 }))).toEqual(['query.limit']);
  });
});

test('no log and no table holds a secret, nor one that was refused', async () => {
  const database = await createDatabase();
  const dataDir = await mkdtemp(join(scratch, 'roster-providers-'));
  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  onTestFinished(async () => {
    await sql.end();
    await database.drop();
    await rm(dataDir, { recursive: true, force: true });
  });
  const child = startRoster({ DATABASE_URL: database.url, ROSTER_DATA: dataDir, ROSTER_LOG_LEVEL: 'trace' });
  const baseUrl = await addressOf(child);
  const token = (await readFile(join(dataDir, 'admin.pat'), 'utf8')).trim();
  const transport = createConnectTransport({
    baseUrl,
    httpVersion: '1.1',
    interceptors: [
      (next) => (request) => {
        request.header.set('authorization', `Bearer ${token}`);
        return next(request);
      },
    ],
  });
  const admin = createClient(AdminService, transport);
  for (const { add, update } of samples) {
    const { id } = await add(admin, 'x');
    await update?.(admin, id, 'y', secret);
  }
  const refused = {
    name: 'x',
    clientId: 'x',
    clientSecret: secret,
    issuer: `https://me:${encodeURIComponent(secret)}@login.example.org`,
  };
  const error = await admin.addGenericOIDCProvider(refused).catch((thrown: unknown) => ConnectError.from(thrown));
  expect(String(error)).toContain('PROVIDER_URL_INVALID');
  expect(String(error)).not.toMatch(/secret/);
  await end(child);
  expect(child.output()).toContain('AddGenericOIDCProvider');
  const rows = JSON.stringify(await sql`select p.*, encode(secret, 'escape') as text from identity_providers p`);
  for (const text of [child.output(), rows]) {
    for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')])
      expect(text).not.toContain(form);
  }
});

/** Of the tests only. */
const certificate = `-----BEGIN CERTIFICATE-----
MIIBjDCCATOgAwIBAgIUc4Gica9T1kRTua5samn1u+5YfeowCgYIKoZIzj0EAwIw
GzEZMBcGA1UEAwwQbGRhcC5leGFtcGxlLm9yZzAgFw0yNjExMjIxMTEyMTVaGA8y
MTI2MTAyOTExMTIxNVowGzEZMBcGA1UEAwwQbGRhcC5leGFtcGxlLm9yZzBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABDCYjh3mlpLuTrTo6TQoo6W6hhMNNwsE/9yB
rBLj6W9hZjnhOaMfHGz4UtauyKrFWAZ2MdU7cR/8g4Je8CwGRA6jUzBRMB0GA1Ud
DgQWBBRX/1uHzLOcjDlacUxXHV5St1+a7zAfBgNVHSMEGDAWgBRX/1uHzLOcjDla
cUxXHV5St1+a7zAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIEbi
OaYkcS9bHaJr+vc/1f8vAh5xBPGZvT5C9IEPfc3PAiB/ZymrT5ncva3Jiq7IczkU
fPsyg5Ka2Jq0cWm5wydw9Q==
-----END CERTIFICATE-----`;
