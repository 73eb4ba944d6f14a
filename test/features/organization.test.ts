import { type MessageInitShape, toJson } from '@bufbuild/protobuf';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { beforeAll, describe, expect, test } from 'vitest';
import { TextQueryMethod } from '../../gen/zitadel/object/v2/object_pb.ts';
import { OrgSchema } from '../../gen/zitadel/org/v1/org_pb.ts';
import { OrganizationSchema, OrganizationState } from '../../gen/zitadel/org/v2/org_pb.ts';
import type {
  AddOrganizationRequest_AdminSchema,
  ListOrganizationsRequestSchema,
} from '../../gen/zitadel/org/v2/org_service_pb.ts';
import { OrganizationFieldName, type SearchQuerySchema } from '../../gen/zitadel/org/v2/query_pb.ts';
import type { IDPLinkSchema } from '../../gen/zitadel/user/v2/idp_pb.ts';
import {
  createHuman,
  createInstanceManager,
  createMachine,
  createManager,
  createOrganization,
  createStranger,
  grant,
  homeOf,
  type Plain,
  unique,
} from '../support/actors.ts';
import { brokenFields, outcome } from '../support/errors.ts';
import { createProvider } from '../support/providers.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';

type Admin = MessageInitShape<typeof AddOrganizationRequest_AdminSchema>;
type Query = MessageInitShape<typeof SearchQuerySchema>;

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});

const noon = '2026-01-01T12:00:00Z';
const add = (name: string, admins: Admin[] = []) => server.as().organizations.addOrganization({ name, admins });
const find = async (query: Query) => (await server.as().organizations.listOrganizations({ queries: [query] })).result;
const byId = async (id: string) => (await find({ query: { case: 'idQuery', value: { id } } }))[0];
const byName = (name: string) => find({ query: { case: 'nameQuery', value: { name } } });

async function membersOf(organizationId: string) {
  const { management } = server.as(undefined, { headers: { 'x-zitadel-orgid': organizationId } });
  const { result } = await management.listOrgMembers({ query: { asc: true } });
  return result.map(({ userId, roles }) => ({ userId, roles }));
}

const existing = (userId: string, ...roles: string[]): Admin => ({ userType: { case: 'userId', value: userId }, roles });

function human(address: string, roles: string[] = [], idpLinks: Plain<typeof IDPLinkSchema>[] = []): Admin {
  const profile = { givenName: 'Ada', familyName: 'Lovelace' };
  const email = { email: address, verification: { case: 'returnCode', value: {} } } as const;
  return { userType: { case: 'human', value: { profile, email, idpLinks } }, roles };
}

describe('an organization', () => {
  test('is there as soon as it is added, with a domain that usernames can be claimed by', async () => {
    const { organizationId, details, createdAdmins } = await add('  Acme & Söhne  ');
    expect(organizationId).toMatch(/^\d{18}$/);
    expect(createdAdmins).toEqual([]);
    expect(details).toMatchObject({ sequence: 1n, resourceOwner: organizationId });
    expect(details?.changeDate && timestampDate(details.changeDate)).toEqual(epoch);
    const organization = await byId(organizationId);
    expect(organization && toJson(OrganizationSchema, organization)).toEqual({
      id: organizationId,
      name: 'Acme & Söhne',
      primaryDomain: 'acme-sohne.roster.example.com',
      state: 'ORGANIZATION_STATE_ACTIVE',
      details: { sequence: '1', creationDate: noon, changeDate: noon, resourceOwner: organizationId },
    });
    const { details: user } = await server.as().users.addHumanUser({
      organization: { org: { case: 'orgDomain', value: 'ACME-sohne.roster.example.com' } },
      username: 'ada@acme-sohne.roster.example.com',
      profile: { givenName: 'Ada', familyName: 'Lovelace' },
      email: { email: 'ada@example.net' },
    });
    expect(user?.resourceOwner).toBe(organizationId);
    expect(await membersOf(organizationId)).toEqual([]);
  });

  test('takes the id that it is given', async () => {
    const { organizations } = server.as();
    const { organizationId } = await organizations.addOrganization({ name: unique('Given '), orgId: 'my org' });
    expect(organizationId).toBe('my org');
    expect((await byId('my org'))?.details?.resourceOwner).toBe('my org');
    const again = organizations.addOrganization({ name: unique('Given '), orgId: 'my org' });
    expect(await outcome(again)).toBe('AlreadyExists ORGANIZATION_ID_TAKEN');
    const home = organizations.addOrganization({ name: unique('Given '), orgId: await homeOf(server) });
    expect(await outcome(home)).toBe('AlreadyExists ORGANIZATION_ID_TAKEN');
  });

  test('needs a name that no other one has, in any spelling', async () => {
    await add('Café Noir');
    for (const name of ['Café Noir', 'CAFÉ NOIR', 'Cafe\u0301 noir', ' café noir\t']) {
      expect(await outcome(add(name))).toBe('AlreadyExists ORGANIZATION_NAME_TAKEN');
    }
    expect(await outcome(add(' \t '))).toBe('InvalidArgument NAME_BLANK');
    expect(await brokenFields(add(' \t '))).toEqual(['name']);
    expect(await outcome(add(''))).toBe('InvalidArgument INVALID_REQUEST');
    expect(await outcome(add('x'.repeat(201)))).toBe('InvalidArgument INVALID_REQUEST');
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => outcome(add('Everybody’s'))));
    expect(outcomes.toSorted()).toEqual([...Array.from({ length: 19 }, () => 'AlreadyExists ORGANIZATION_NAME_TAKEN'), 'ok']);
  });

  test('gets a domain of its own, whatever its name', async () => {
    const domainOf = async (name: string) => (await byId((await add(name)).organizationId))?.primaryDomain;
    const host = 'roster.example.com';
    expect(await domainOf('Same!')).toBe(`same.${host}`);
    expect(await domainOf('-Same-')).toBe(`same-2.${host}`);
    expect(await domainOf('(Same)')).toBe(`same-3.${host}`);
    expect(await domainOf('Straße Ⅳ')).toBe(`strasse-iv.${host}`);
    expect(await domainOf('株式会社')).toMatch(/^\d{18}\.roster\.example\.com$/);
    const long = 'a'.repeat(70);
    expect(await domainOf(long)).toBe(`${'a'.repeat(63)}.${host}`);
    expect(await domainOf(`${long}!`)).toBe(`${'a'.repeat(61)}-2.${host}`);
    expect(await domainOf(`${'b'.repeat(62)} b`)).toBe(`${'b'.repeat(62)}.${host}`);
    const domains = await Promise.all(Array.from('!?.,;:+*', (mark) => domainOf(`Rush${mark}`)));
    expect(domains.toSorted()).toEqual([`rush.${host}`, ...[2, 3, 4, 5, 6, 7, 8].map((n) => `rush-${n}.${host}`)].toSorted());
  });

  test('needs org.create on the instance', async () => {
    const manager = await createInstanceManager(server, ['IAM_ORG_MANAGER']);
    const { organizationId } = await manager.organizations.addOrganization({ name: unique('Managed ') });
    expect(await membersOf(organizationId)).toEqual([]);
    const others = [
      await createInstanceManager(server, ['IAM_USER_MANAGER', 'IAM_OWNER_VIEWER', 'IAM_LOGIN_CLIENT']),
      await createManager(server, ['ORG_OWNER'], await homeOf(server)),
      await createStranger(server),
    ];
    for (const { organizations } of others) {
      const refused = organizations.addOrganization({ name: unique('Refused ') });
      expect(await outcome(refused)).toBe('PermissionDenied PERMISSION_DENIED');
    }
    expect(await outcome(server.as('').organizations.addOrganization({ name: 'x' }))).toBe('Unauthenticated UNAUTHENTICATED');
  });

  test('keeps its users out while it is inactive, and shows it', async () => {
    const organizationId = await createOrganization(server);
    const owner = await createManager(server, ['ORG_OWNER'], organizationId);
    await server.sql`update organizations set state = 'inactive' where id = ${organizationId}`;
    expect(await outcome(owner.management.getMyOrg({}))).toBe('Unauthenticated UNAUTHENTICATED');
    expect((await byId(organizationId))?.state).toBe(OrganizationState.INACTIVE);
    await server.sql`update organizations set state = 'active' where id = ${organizationId}`;
    expect(await outcome(owner.management.getMyOrg({}))).toBe('ok');
  });
});

describe('the first administrators', () => {
  test('are linked with providers of the instance', async () => {
    const idpId = await createProvider(server);
    const other = await createProvider(server, { organizationId: await homeOf(server) });
    const linked = (address: string, provider: string) =>
      human(address, [], [{ idpId: provider, userId: 'Ada', userName: address }]);
    const { createdAdmins } = await add('Linked', [linked('linked@example.net', idpId)]);
    const { result } = await server.as().users.listIDPLinks({ userId: createdAdmins[0]?.userId ?? '' });
    expect(result).toMatchObject([{ idpId, userId: 'Ada', userName: 'linked@example.net' }]);
    expect(await outcome(add('Unlinked', [linked('x@example.net', other)]))).toBe('FailedPrecondition PROVIDER_UNKNOWN');
    expect(await outcome(add('Unlinked', [linked('x@example.net', idpId)]))).toBe('AlreadyExists LINK_EXISTS');
    expect(await byName('Unlinked')).toEqual([]);
  });

  test('are those that exist and humans made with the organization, owners unless said otherwise', async () => {
    const friend = await createMachine(server);
    const response = await add('Crew', [
      human('first@example.net'),
      existing(friend, 'ORG_OWNER_VIEWER', 'ORG_USER_MANAGER'),
      human('second@example.net', ['ORG_USER_MANAGER']),
    ]);
    const [first, second] = response.createdAdmins;
    const made = { userId: expect.stringMatching(/^\d{18}$/), emailCode: expect.stringMatching(/^[A-Z0-9]{6}$/) };
    expect(response.createdAdmins).toEqual([expect.objectContaining(made), expect.objectContaining(made)]);
    expect(first).not.toHaveProperty('phoneCode');
    expect(await membersOf(response.organizationId)).toEqual([
      { userId: friend, roles: ['ORG_OWNER_VIEWER', 'ORG_USER_MANAGER'] },
      { userId: first?.userId, roles: ['ORG_OWNER'] },
      { userId: second?.userId, roles: ['ORG_USER_MANAGER'] },
    ]);
    const { user } = await server.as().users.getUserByID({ userId: first?.userId ?? '' });
    expect(user).toMatchObject({ username: 'first@example.net', details: { resourceOwner: response.organizationId } });
    expect((await server.as().users.getUserByID({ userId: friend })).user?.details?.resourceOwner).toBe(await homeOf(server));
  });

  test('come all or not at all, and without them no organization', async () => {
    const friend = await createMachine(server);
    await createHuman(server, { username: 'taken@example.net' });
    const refusals: [Admin, string][] = [
      [existing('404'), 'NotFound USER_NOT_FOUND'],
      [existing(''), 'NotFound USER_NOT_FOUND'],
      [existing(friend), 'AlreadyExists MEMBER_EXISTS'],
      [{ userType: { case: undefined } }, 'InvalidArgument ADMIN_MISSING'],
      [existing(friend, 'IAM_OWNER'), 'InvalidArgument ROLE_UNKNOWN'],
      [human('x@example.net', ['OWNER']), 'InvalidArgument ROLE_UNKNOWN'],
      [human('taken@example.net'), 'AlreadyExists USERNAME_TAKEN'],
      [{ userType: { case: 'human', value: { email: { email: 'x@example.net' } } } }, 'InvalidArgument INVALID_REQUEST'],
      [
        {
          userType: {
            case: 'human',
            value: { email: { email: 'x@example.net' }, profile: { givenName: ' ', familyName: 'x' } },
          },
        },
        'InvalidArgument NAME_BLANK',
      ],
    ];
    for (const [admin, refusal] of refusals) {
      expect(await outcome(add('Refused', [existing(friend), human('fresh@example.net'), admin]))).toBe(refusal);
      expect(await byName('Refused')).toEqual([]);
    }
    expect(await brokenFields(add('Refused', [existing(friend), { userType: { case: undefined } }]))).toEqual(['admins[1]']);
    const [{ count } = { count: 0 }] = await server.sql<{ count: number }[]>`
      select count(*)::int from users where username = 'fresh@example.net' or organization_id not in (select id from organizations)`;
    expect(count).toBe(0);
    expect(await outcome(add('Refused', [existing(friend), human('fresh@example.net')]))).toBe('ok');
  });
});

describe('a list of organizations', () => {
  const names = (request: MessageInitShape<typeof ListOrganizationsRequestSchema>, as = server.as()) =>
    as.organizations.listOrganizations(request).then(({ result }) => result.map(({ name }) => name));

  test('holds what the caller may see, and counts no more', async () => {
    const stranger = await createStranger(server);
    const home = await homeOf(server);
    const seen = async () => {
      const { result, details } = await stranger.organizations.listOrganizations({ query: { asc: true } });
      expect(details?.totalResult).toBe(BigInt(result.length));
      expect(details?.timestamp && timestampDate(details.timestamp)).toEqual(epoch);
      return result.map(({ id }) => id);
    };
    expect(await seen()).toEqual([home]);
    const [readable, unreadable] = [await createOrganization(server), await createOrganization(server)];
    await grant(server, stranger.id, ['ORG_USER_MANAGER'], readable);
    await grant(server, stranger.id, ['ORG_USER_SELF_MANAGER'], unreadable);
    expect(await seen()).toEqual([home, readable]);
    const { details } = await stranger.organizations.listOrganizations({
      queries: [{ query: { case: 'idQuery', value: { id: unreadable } } }],
    });
    expect(details?.totalResult).toBe(0n);
    await grant(server, stranger.id, ['IAM_OWNER_VIEWER']);
    expect(await seen()).toContain(unreadable);
    expect(await outcome(server.as('').organizations.listOrganizations({}))).toBe('Unauthenticated UNAUTHENTICATED');
  });

  test('is narrowed by every query, all of which must hold', async () => {
    const { STARTS_WITH, STARTS_WITH_IGNORE_CASE, CONTAINS, ENDS_WITH, EQUALS, EQUALS_IGNORE_CASE } = TextQueryMethod;
    await createOrganization(server, { name: 'Zebra 100%', domain: 'zebra.example.org' });
    await createOrganization(server, { name: 'Zebra Crossing', domain: 'crossing.example.org' });
    const dormant = await createOrganization(server, { name: 'zebra asleep' });
    await server.sql`update organizations set state = 'inactive' where id = ${dormant}`;
    const name = (text: string, method: TextQueryMethod): Query => ({
      query: { case: 'nameQuery', value: { name: text, method } },
    });
    const domain = (text: string, method: TextQueryMethod): Query => ({
      query: { case: 'domainQuery', value: { domain: text, method } },
    });
    const state = (value: OrganizationState): Query => ({ query: { case: 'stateQuery', value: { state: value } } });
    const only = (...queries: Query[]) => names({ queries, query: { asc: true } });
    expect(await only(name('Zebra', STARTS_WITH))).toEqual(['Zebra 100%', 'Zebra Crossing']);
    expect(await only(name('zEBRA', STARTS_WITH_IGNORE_CASE))).toEqual(['Zebra 100%', 'Zebra Crossing', 'zebra asleep']);
    expect(await only(name('%', CONTAINS))).toEqual(['Zebra 100%']);
    expect(await only(name('zebra crossing', EQUALS))).toEqual([]);
    expect(await only(domain('.example.org', ENDS_WITH))).toEqual(['Zebra 100%', 'Zebra Crossing']);
    expect(await only(domain('ZEBRA.example.org', EQUALS))).toEqual([]);
    expect(await only(domain('ZEBRA.example.org', EQUALS_IGNORE_CASE))).toEqual(['Zebra 100%']);
    expect(await only(state(OrganizationState.INACTIVE))).toEqual(['zebra asleep']);
    expect(await only(state(OrganizationState.ACTIVE), name('zebra', STARTS_WITH_IGNORE_CASE))).toEqual([
      'Zebra 100%',
      'Zebra Crossing',
    ]);
    expect(await only(state(OrganizationState.REMOVED))).toEqual([]);
    expect(await only(state(OrganizationState.UNSPECIFIED))).toEqual([]);
    expect(await only({ query: { case: 'defaultQuery', value: {} } })).toEqual(['Roster']);
    expect(await outcome(only({ query: { case: undefined } }))).toBe('InvalidArgument INVALID_REQUEST');
  });

  test('comes by id or by name, in pages', async () => {
    const other = await startServer();
    for (const name of ['beta', 'Alpha', 'ROSTER 2', 'gamma']) await createOrganization(other, { name });
    const all = (request: MessageInitShape<typeof ListOrganizationsRequestSchema>) => names(request, other.as());
    const sortingColumn = OrganizationFieldName.NAME;
    expect(await all({})).toEqual(['gamma', 'ROSTER 2', 'Alpha', 'beta', 'Roster']);
    expect(await all({ query: { asc: true } })).toEqual(['Roster', 'beta', 'Alpha', 'ROSTER 2', 'gamma']);
    expect(await all({ sortingColumn, query: { asc: true } })).toEqual(['Alpha', 'beta', 'gamma', 'Roster', 'ROSTER 2']);
    expect(await all({ sortingColumn })).toEqual(['ROSTER 2', 'Roster', 'gamma', 'beta', 'Alpha']);
    expect(await all({ sortingColumn, query: { asc: true, offset: 1n, limit: 2 } })).toEqual(['beta', 'gamma']);
    const page = await other.as().organizations.listOrganizations({ sortingColumn, query: { offset: 9n, limit: 2 } });
    expect(page).toMatchObject({ result: [], sortingColumn, details: { totalResult: 5n } });
    expect(await outcome(all({ query: { limit: 1001 } }))).toBe('InvalidArgument LIMIT_TOO_LARGE');
  });
});

describe("the caller's organization", () => {
  test('is his own, or the one that the header names', async () => {
    const organizationId = await createOrganization(server, { name: 'Mine', domain: 'mine.example.com' });
    const owner = await createManager(server, ['ORG_OWNER'], organizationId);
    const { org } = await owner.management.getMyOrg({});
    expect(org && toJson(OrgSchema, org)).toEqual({
      id: organizationId,
      name: 'Mine',
      primaryDomain: 'mine.example.com',
      state: 'ORG_STATE_ACTIVE',
      details: { sequence: '1', creationDate: noon, changeDate: noon, resourceOwner: organizationId },
    });
    const named = server.as(undefined, { headers: { 'x-zitadel-orgid': organizationId } });
    expect((await named.management.getMyOrg({})).org?.name).toBe('Mine');
    const elsewhere = server.as(owner.token, { headers: { 'x-zitadel-orgid': await homeOf(server) } });
    expect(await outcome(elsewhere.management.getMyOrg({}))).toBe('NotFound ORGANIZATION_NOT_FOUND');
    const nowhere = server.as(undefined, { headers: { 'x-zitadel-orgid': '404' } });
    expect(await outcome(nowhere.management.getMyOrg({}))).toBe('PermissionDenied ORGANIZATION_DENIED');
    const stranger = await createStranger(server);
    expect(await outcome(stranger.management.getMyOrg({}))).toBe('NotFound ORGANIZATION_NOT_FOUND');
  });
});
