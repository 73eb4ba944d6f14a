import { type MessageInitShape, toJson } from '@bufbuild/protobuf';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ListOrgMembersRequestSchema } from '../../gen/zitadel/management/v1/management_pb.ts';
import { MemberFieldColumnName, MemberSchema } from '../../gen/zitadel/member/v1/member_pb.ts';
import { type ObjectDetails, ObjectDetailsSchema, TextQueryMethod } from '../../gen/zitadel/v1/object_pb.ts';
import { addMember, removeMember, updateMember } from '../../src/features/organization/members.ts';
import type { Permission } from '../../src/kernel/auth/roles.ts';
import type { Call } from '../../src/kernel/call.ts';
import {
  type Actor,
  actAs,
  createHuman,
  createInstanceManager,
  createMachine,
  createManager,
  createOrganization,
  createStranger,
  grant,
  homeOf,
} from '../support/actors.ts';
import { brokenFields, outcome } from '../support/errors.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let home: string;
let instance: string;

beforeAll(async () => {
  server = await startServer();
  home = await homeOf(server);
  const [row] = await server.sql<{ id: string }[]>`select id from instances`;
  instance = row?.id ?? '';
});

/** The owner's clients in the context of an organization. */
const within = (organizationId: string, token?: string) => server.as(token, { headers: { 'x-zitadel-orgid': organizationId } });

const byUser = (userId: string) => [{ query: { case: 'userIdQuery', value: { userId } } } as const];

async function rolesIn(organizationId: string, userId: string): Promise<string[] | undefined> {
  const { result } = await within(organizationId).management.listOrgMembers({ queries: byUser(userId) });
  return result[0]?.roles;
}

async function instanceRolesOf(userId: string): Promise<string[] | undefined> {
  const { result } = await server.as().admin.listIAMMembers({ queries: byUser(userId) });
  return result[0]?.roles;
}

const history = (userId: string) => server.sql<{ type: string; payload: unknown }[]>`
  select type, payload from user_events where user_id = ${userId} and type like 'member.%' order by sequence`;

/** Which fields there are, in JSON: an absent one is not there at all. */
const plain = (details: ObjectDetails | undefined) => details && toJson(ObjectDetailsSchema, details);

const someSequence = expect.stringMatching(/^[1-9]\d*$/);
const noon = '2026-01-01T12:00:00Z';
const minutePast = '2026-01-01T12:01:00Z';
const later = new Date(epoch.getTime() + 60_000);

/** A caller with exactly these permissions in an organization, which no set of roles gives. */
function callWith(permissions: readonly Permission[], organizationId: string): Call {
  return {
    ...server.app,
    caller: {
      id: 'nobody',
      organizationId,
      type: 'machine',
      everywhere: new Set(),
      within: new Map([[organizationId, new Set(permissions)]]),
    },
    access: { on: 'organization', permission: 'org.member.write' },
    now: epoch,
    organizationId,
    subject: undefined,
    network: undefined,
  };
}

describe('members of an organization', () => {
  test('are added, found at once, and act with their next call', async () => {
    const organizationId = await createOrganization(server);
    const member = await createStranger(server);
    expect(await outcome(member.users.deactivateUser({ userId: await createMachine(server, { organizationId }) }))).toBe(
      'NotFound USER_NOT_FOUND',
    );
    const { details } = await within(organizationId).management.addOrgMember({ userId: member.id, roles: ['ORG_USER_MANAGER'] });
    expect(plain(details)).toEqual({ sequence: someSequence, creationDate: noon, resourceOwner: organizationId });
    expect(await rolesIn(organizationId, member.id)).toEqual(['ORG_USER_MANAGER']);
    expect(await outcome(member.users.deactivateUser({ userId: await createMachine(server, { organizationId }) }))).toBe('ok');
  });

  test('are listed with what is known of their users', async () => {
    const organizationId = await createOrganization(server);
    const { management } = within(organizationId);
    const human = await createHuman(server, {
      username: 'grace',
      profile: { givenName: 'Grace', familyName: 'Hopper', displayName: 'Amazing Grace' },
      email: { email: 'grace@example.net' },
    });
    const machine = await createMachine(server, { organizationId, username: 'robot', name: 'Robot' });
    await management.addOrgMember({ userId: human, roles: ['ORG_OWNER', 'ORG_OWNER_VIEWER', 'ORG_OWNER'] });
    await management.addOrgMember({ userId: machine, roles: ['ORG_USER_MANAGER'] });
    const { result, details } = await management.listOrgMembers({ query: { asc: true } });
    expect(details?.totalResult).toBe(2n);
    expect(details?.viewTimestamp && timestampDate(details.viewTimestamp)).toEqual(epoch);
    const dates = { creationDate: noon, changeDate: noon, resourceOwner: organizationId };
    expect(result.map((member) => toJson(MemberSchema, member))).toEqual([
      {
        userId: human,
        details: { sequence: someSequence, ...dates },
        roles: ['ORG_OWNER', 'ORG_OWNER_VIEWER'],
        preferredLoginName: 'grace',
        email: 'grace@example.net',
        firstName: 'Grace',
        lastName: 'Hopper',
        displayName: 'Amazing Grace',
        userType: 'TYPE_HUMAN',
        userResourceOwner: home,
      },
      {
        userId: machine,
        details: { sequence: someSequence, ...dates },
        roles: ['ORG_USER_MANAGER'],
        preferredLoginName: 'robot',
        displayName: 'Robot',
        userType: 'TYPE_MACHINE',
        userResourceOwner: organizationId,
      },
    ]);
  });

  test('change roles; the same roles again change nothing', async () => {
    const organizationId = await createOrganization(server);
    const { management } = within(organizationId);
    const userId = await createMachine(server);
    const added = await management.addOrgMember({ userId, roles: ['ORG_OWNER_VIEWER', 'ORG_USER_MANAGER'] });
    server.setTime(later);
    const same = await management.updateOrgMember({ userId, roles: ['ORG_USER_MANAGER', 'ORG_OWNER_VIEWER'] });
    expect(same.details).toMatchObject({ sequence: added.details?.sequence, changeDate: added.details?.creationDate });
    const fewer = await management.updateOrgMember({ userId, roles: ['ORG_OWNER_VIEWER'] });
    server.setTime(epoch);
    expect(plain(fewer.details)).toEqual({ sequence: someSequence, changeDate: minutePast, resourceOwner: organizationId });
    expect(fewer.details?.sequence).toBeGreaterThan(added.details?.sequence ?? 0n);
    expect(await rolesIn(organizationId, userId)).toEqual(['ORG_OWNER_VIEWER']);
  });

  test('lose everything when removed, with their next call, and may come again', async () => {
    const organizationId = await createOrganization(server);
    const { management } = within(organizationId);
    const member = await createStranger(server);
    const { details: added } = await management.addOrgMember({ userId: member.id, roles: ['ORG_OWNER'] });
    expect(await outcome(within(organizationId, member.token).management.getMyOrg({}))).toBe('ok');
    const { details: removed } = await management.removeOrgMember({ userId: member.id });
    expect(plain(removed)).toEqual({ sequence: someSequence, changeDate: noon, resourceOwner: organizationId });
    expect(await rolesIn(organizationId, member.id)).toBeUndefined();
    expect(await outcome(within(organizationId, member.token).management.getMyOrg({}))).toBe('NotFound ORGANIZATION_NOT_FOUND');
    const { details: again } = await management.addOrgMember({ userId: member.id, roles: ['ORG_OWNER'] });
    const sequences = [added, removed, again].map((details) => details?.sequence ?? 0n);
    expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => Number(a - b)));
  });

  test('may leave, and may be removed by one who cannot read them', async () => {
    const organizationId = await createOrganization(server);
    const owner = await createManager(server, ['ORG_OWNER'], organizationId);
    const foreigner = await createStranger(server);
    await within(organizationId).management.addOrgMember({ userId: foreigner.id, roles: ['ORG_OWNER'] });
    expect(await outcome(owner.management.removeOrgMember({ userId: foreigner.id }))).toBe('ok');
    expect(await outcome(owner.management.removeOrgMember({ userId: owner.id }))).toBe('ok');
    expect(await rolesIn(organizationId, owner.id)).toBeUndefined();
  });

  test('leave their history with their users', async () => {
    const organizationId = await createOrganization(server);
    const { management } = within(organizationId);
    const userId = await createMachine(server);
    await management.addOrgMember({ userId, roles: ['ORG_OWNER_VIEWER'] });
    await management.updateOrgMember({ userId, roles: ['ORG_OWNER'] });
    await management.removeOrgMember({ userId });
    const scope = { on: 'organization', id: organizationId };
    expect(await history(userId)).toEqual([
      { type: 'member.added', payload: { scope, roles: ['ORG_OWNER_VIEWER'] } },
      { type: 'member.changed', payload: { scope, roles: ['ORG_OWNER'] } },
      { type: 'member.removed', payload: { scope, roles: ['ORG_OWNER'] } },
    ]);
  });

  test('are added once, however many ask at the same time', async () => {
    const organizationId = await createOrganization(server);
    const userId = await createMachine(server);
    const { management } = within(organizationId);
    const add = () => outcome(management.addOrgMember({ userId, roles: ['ORG_OWNER'] }));
    const outcomes = await Promise.all(Array.from({ length: 20 }, add));
    expect(outcomes.toSorted()).toEqual([...Array.from({ length: 19 }, () => 'AlreadyExists MEMBER_EXISTS'), 'ok']);
    expect(await history(userId)).toHaveLength(1);
  });

  test('need roles that exist there', async () => {
    const organizationId = await createOrganization(server);
    const { management } = within(organizationId);
    const userId = await createMachine(server);
    const add = (...roles: string[]) => management.addOrgMember({ userId, roles });
    expect(await outcome(add())).toBe('InvalidArgument ROLES_MISSING');
    expect(await brokenFields(add())).toEqual(['roles']);
    for (const role of ['', 'org_owner', 'ORG_OWNER ', 'IAM_OWNER', 'constructor', '__proto__', 'é'.repeat(100_000)]) {
      expect(await outcome(add('ORG_OWNER', role))).toBe('InvalidArgument ROLE_UNKNOWN');
    }
    expect(await outcome(server.as().admin.addIAMMember({ userId, roles: ['ORG_OWNER'] }))).toBe('InvalidArgument ROLE_UNKNOWN');
    expect(await outcome(add('PROJECT_OWNER'))).toBe('ok');
    expect(await outcome(management.updateOrgMember({ userId, roles: [] }))).toBe('InvalidArgument ROLES_MISSING');
    expect(await outcome(management.updateOrgMember({ userId, roles: ['X'] }))).toBe('InvalidArgument ROLE_UNKNOWN');
    expect((await management.listOrgMemberRoles({})).result).toEqual([
      'ORG_OWNER',
      'ORG_OWNER_VIEWER',
      'ORG_USER_MANAGER',
      'ORG_USER_PERMISSION_EDITOR',
      'ORG_PROJECT_PERMISSION_EDITOR',
      'ORG_USER_SELF_MANAGER',
    ]);
  });

  test('can each be given every role by an owner', async () => {
    const organizationId = await createOrganization(server);
    const owner = await createManager(server, ['ORG_OWNER'], organizationId);
    const { result: roles } = await owner.management.listOrgMemberRoles({});
    const userId = await createMachine(server, { organizationId });
    expect(await outcome(owner.management.addOrgMember({ userId, roles }))).toBe('ok');
    expect(await outcome(owner.management.removeOrgMember({ userId }))).toBe('ok');
  });

  test('must be users that the caller may read', async () => {
    const organizationId = await createOrganization(server);
    const owner = await createManager(server, ['ORG_OWNER'], organizationId);
    const elsewhere = await createMachine(server);
    const add = (userId: string) => outcome(owner.management.addOrgMember({ userId, roles: ['ORG_OWNER'] }));
    expect(await add('404')).toBe('NotFound USER_NOT_FOUND');
    expect(await add(elsewhere)).toBe('NotFound USER_NOT_FOUND');
    await grant(server, owner.id, ['ORG_OWNER_VIEWER'], home);
    expect(await add(elsewhere)).toBe('ok');
  });

  test('must not be members already, or must be', async () => {
    const organizationId = await createOrganization(server);
    const { management } = within(organizationId);
    const userId = await createMachine(server, { organizationId });
    expect(await outcome(management.updateOrgMember({ userId, roles: ['ORG_OWNER'] }))).toBe('NotFound MEMBER_NOT_FOUND');
    expect(await outcome(management.removeOrgMember({ userId }))).toBe('NotFound MEMBER_NOT_FOUND');
    expect(await outcome(management.removeOrgMember({ userId: '404' }))).toBe('NotFound MEMBER_NOT_FOUND');
    await management.addOrgMember({ userId, roles: ['ORG_OWNER'] });
    expect(await outcome(management.addOrgMember({ userId, roles: ['ORG_OWNER'] }))).toBe('AlreadyExists MEMBER_EXISTS');
    const elsewhere = await createOrganization(server);
    expect(await outcome(within(elsewhere).management.removeOrgMember({ userId }))).toBe('NotFound MEMBER_NOT_FOUND');
    expect(await outcome(within(elsewhere).management.addOrgMember({ userId, roles: ['ORG_OWNER'] }))).toBe('ok');
    expect(await outcome(server.as().admin.removeIAMMember({ userId }))).toBe('NotFound MEMBER_NOT_FOUND');
    await within(elsewhere).management.removeOrgMember({ userId });
    expect(await rolesIn(organizationId, userId)).toEqual(['ORG_OWNER']);
  });

  test('get no rights, and lose none, that their manager lacks', async () => {
    const organizationId = await createOrganization(server);
    const [high, low, fresh] = await Promise.all([1, 2, 3].map(() => createMachine(server, { organizationId })));
    if (!high || !low || !fresh) throw new Error('three machines');
    await grant(server, high, ['ORG_OWNER'], organizationId);
    await grant(server, low, ['ORG_OWNER_VIEWER'], organizationId);
    const viewer = [
      ...(['org.read', 'org.idp.read', 'user.read', 'org.member.read'] as const),
      ...(['org.member.write', 'org.member.delete'] as const),
    ] as const;
    const call = callWith(viewer, organizationId);
    const scope = { on: 'organization', id: organizationId } as const;
    const beyond = 'PermissionDenied ROLE_BEYOND_CALLER';
    expect(await outcome(addMember(call, scope, fresh, ['ORG_OWNER_VIEWER', 'ORG_USER_MANAGER']))).toBe(beyond);
    expect(await outcome(addMember(call, scope, fresh, ['ORG_USER_SELF_MANAGER']))).toBe(beyond);
    expect(await outcome(updateMember(call, scope, low, ['ORG_OWNER']))).toBe(beyond);
    expect(await outcome(updateMember(call, scope, high, ['ORG_OWNER_VIEWER']))).toBe('PermissionDenied HIGHER_RIGHTS');
    expect(await outcome(removeMember(call, scope, high))).toBe('PermissionDenied HIGHER_RIGHTS');
    expect(await outcome(addMember(call, { on: 'instance' }, fresh, ['IAM_OWNER_VIEWER']))).toBe(beyond);
    expect(await rolesIn(organizationId, high)).toEqual(['ORG_OWNER']);
    const itself = { ...call, caller: { ...call.caller, id: high } };
    expect(await outcome(removeMember(itself, scope, high))).toBe('ok');
    expect(await outcome(addMember(call, scope, fresh, ['ORG_OWNER_VIEWER']))).toBe('ok');
    expect(await outcome(removeMember(call, scope, low))).toBe('ok');
  });

  test('are managed by those who may', async () => {
    const organizationId = await createOrganization(server);
    const userId = await createMachine(server, { organizationId });
    const viewer = await createManager(server, ['ORG_OWNER_VIEWER'], organizationId);
    const userManager = await createManager(server, ['ORG_USER_MANAGER'], organizationId);
    const foreignOwner = await createManager(server, ['ORG_OWNER'], await createOrganization(server));
    const all = (actor: Actor) => {
      const { management } = within(organizationId, actor.token);
      return Promise.all([
        outcome(management.listOrgMembers({})),
        outcome(management.listOrgMemberRoles({})),
        outcome(management.addOrgMember({ userId, roles: ['ORG_OWNER'] })),
        outcome(management.updateOrgMember({ userId, roles: ['ORG_OWNER'] })),
        outcome(management.removeOrgMember({ userId })),
      ]);
    };
    const denied = 'PermissionDenied PERMISSION_DENIED';
    const hidden = 'NotFound ORGANIZATION_NOT_FOUND';
    expect(await all(viewer)).toEqual(['ok', 'ok', denied, denied, denied]);
    expect(await all(userManager)).toEqual([denied, denied, denied, denied, denied]);
    expect(await all(foreignOwner)).toEqual([hidden, hidden, hidden, hidden, hidden]);
    expect(await rolesIn(organizationId, userId)).toBeUndefined();
  });
});

describe('lists of members', () => {
  let organizationId: string;
  let people: string[];

  const list = async (request: MessageInitShape<typeof ListOrgMembersRequestSchema>) =>
    (await within(organizationId).management.listOrgMembers(request)).result.map(({ userId }) => userId);

  beforeAll(async () => {
    organizationId = await createOrganization(server);
    const names = [
      ['Ada', 'Lovelace', 'ada@example.org'],
      ['Alan', 'Turing', 'alan@example.org'],
      ['Edsger', 'Dijkstra', 'e.w.dijkstra@example.com'],
    ] as const;
    people = [];
    for (const [givenName, familyName, email] of names) {
      people.push(await createHuman(server, { profile: { givenName, familyName }, email: { email } }));
    }
    people.push(await createMachine(server, { organizationId }));
    for (const userId of people) await grant(server, userId, ['ORG_OWNER'], organizationId);
  });

  test('come by user id, the newest first unless asked otherwise, in pages', async () => {
    expect(await list({ query: { asc: true } })).toEqual(people);
    expect(await list({})).toEqual(people.toReversed());
    expect(await list({ query: { asc: true, limit: 3 } })).toEqual(people.slice(0, 3));
    const { result, details } = await within(organizationId).management.listOrgMembers({
      query: { asc: true, limit: 3, offset: 3n },
    });
    expect(result.map(({ userId }) => userId)).toEqual(people.slice(3));
    expect(details?.totalResult).toBe(4n);
    expect(await outcome(list({ query: { limit: 1001 } }))).toBe('InvalidArgument LIMIT_TOO_LARGE');
  });

  test('are narrowed by every query, all of which must hold', async () => {
    const [ada, alan, edsger, machine] = people;
    const { STARTS_WITH, CONTAINS_IGNORE_CASE, EQUALS, EQUALS_IGNORE_CASE, ENDS_WITH, CONTAINS } = TextQueryMethod;
    const first = (firstName: string, method: TextQueryMethod) =>
      ({ query: { case: 'firstNameQuery', value: { firstName, method } } }) as const;
    const last = (lastName: string, method: TextQueryMethod) =>
      ({ query: { case: 'lastNameQuery', value: { lastName, method } } }) as const;
    const email = (address: string, method: TextQueryMethod) =>
      ({ query: { case: 'emailQuery', value: { email: address, method } } }) as const;
    const find = (...queries: object[]) => list({ query: { asc: true }, queries });
    expect(await find(first('A', STARTS_WITH))).toEqual([ada, alan]);
    expect(await find(first('a', STARTS_WITH))).toEqual([]);
    expect(await find(last('dIJK', CONTAINS_IGNORE_CASE))).toEqual([edsger]);
    expect(await find(last('turing', EQUALS))).toEqual([]);
    expect(await find(last('turing', EQUALS_IGNORE_CASE))).toEqual([alan]);
    expect(await find(email('.org', ENDS_WITH))).toEqual([ada, alan]);
    expect(await find(email('%', CONTAINS))).toEqual([]);
    expect(await find(first('', CONTAINS))).toEqual([ada, alan, edsger]);
    expect(await find(...byUser(machine ?? ''))).toEqual([machine]);
    expect(await find(first('A', STARTS_WITH), last('Turing', EQUALS))).toEqual([alan]);
    const { details } = await within(organizationId).management.listOrgMembers({
      query: { limit: 1 },
      queries: [first('A', STARTS_WITH)],
    });
    expect(details?.totalResult).toBe(2n);
    expect(await outcome(find({ query: { case: undefined } }))).toBe('InvalidArgument INVALID_REQUEST');
  });
});

describe('members of the instance', () => {
  test('come and go like those of an organization', async () => {
    const { admin } = server.as();
    const member = await createStranger(server);
    expect(await outcome(member.users.getUserByID({ userId: await createHuman(server) }))).toBe('NotFound USER_NOT_FOUND');
    const { details } = await admin.addIAMMember({ userId: member.id, roles: ['IAM_OWNER_VIEWER'] });
    expect(plain(details)).toEqual({ sequence: someSequence, creationDate: noon, resourceOwner: instance });
    expect(await outcome(member.users.getUserByID({ userId: await createHuman(server) }))).toBe('ok');
    expect(await outcome(admin.addIAMMember({ userId: member.id, roles: ['IAM_OWNER'] }))).toBe('AlreadyExists MEMBER_EXISTS');
    const updated = await admin.updateIAMMember({ userId: member.id, roles: ['IAM_USER_MANAGER', 'SELF_MANAGEMENT_GLOBAL'] });
    const change = { sequence: someSequence, changeDate: noon, resourceOwner: instance };
    expect(plain(updated.details)).toEqual(change);
    expect(await instanceRolesOf(member.id)).toEqual(['IAM_USER_MANAGER', 'SELF_MANAGEMENT_GLOBAL']);
    expect(plain((await admin.removeIAMMember({ userId: member.id })).details)).toEqual(change);
    expect(await instanceRolesOf(member.id)).toBeUndefined();
    expect(await outcome(member.users.getUserByID({ userId: await createHuman(server) }))).toBe('NotFound USER_NOT_FOUND');
    expect((await history(member.id)).map(({ payload }) => payload)).toEqual([
      { scope: { on: 'instance' }, roles: ['IAM_OWNER_VIEWER'] },
      { scope: { on: 'instance' }, roles: ['IAM_USER_MANAGER', 'SELF_MANAGEMENT_GLOBAL'] },
      { scope: { on: 'instance' }, roles: ['IAM_USER_MANAGER', 'SELF_MANAGEMENT_GLOBAL'] },
    ]);
    expect(await outcome(admin.updateIAMMember({ userId: member.id, roles: ['IAM_OWNER'] }))).toBe('NotFound MEMBER_NOT_FOUND');
    expect(await outcome(admin.addIAMMember({ userId: '404', roles: ['IAM_OWNER'] }))).toBe('NotFound USER_NOT_FOUND');
    expect(await outcome(admin.addIAMMember({ userId: member.id, roles: [] }))).toBe('InvalidArgument ROLES_MISSING');
  });

  test('are managed by those who may', async () => {
    const userId = await createMachine(server);
    const all = ({ admin }: Actor) =>
      Promise.all([
        outcome(admin.listIAMMembers({})),
        outcome(admin.addIAMMember({ userId, roles: ['IAM_OWNER'] })),
        outcome(admin.updateIAMMember({ userId, roles: ['IAM_OWNER'] })),
        outcome(admin.removeIAMMember({ userId })),
      ]);
    const denied = 'PermissionDenied PERMISSION_DENIED';
    expect(await all(await createInstanceManager(server, ['IAM_OWNER_VIEWER']))).toEqual(['ok', denied, denied, denied]);
    expect(await all(await createInstanceManager(server, ['IAM_ORG_MANAGER']))).toEqual([denied, denied, denied, denied]);
    expect(await all(await createManager(server, ['ORG_OWNER'], home))).toEqual([denied, denied, denied, denied]);
    expect(await instanceRolesOf(userId)).toBeUndefined();
  });

  test('are sorted by every column, the user id deciding between equals', async () => {
    const other = await startServer();
    const [first] = await other.sql<{ id: string }[]>`select user_id as id from instance_members`;
    const elsewhere = await createOrganization(other);
    const [b, c] = [await createMachine(other, { organizationId: elsewhere }), await createMachine(other)];
    other.setTime(later);
    await other.as().admin.addIAMMember({ userId: c, roles: ['IAM_OWNER'] });
    other.setTime(new Date(later.getTime() + 1000));
    await other.as().admin.addIAMMember({ userId: b, roles: ['IAM_OWNER'] });
    other.setTime(new Date(later.getTime() + 2000));
    await other.as().admin.updateIAMMember({ userId: c, roles: ['IAM_OWNER', 'IAM_OWNER_VIEWER'] });
    const a = first?.id;
    const by = async (sortingColumn: MemberFieldColumnName, asc = true) => {
      const { result, details } = await other.as().admin.listIAMMembers({ sortingColumn, query: { asc } });
      expect(details?.totalResult).toBe(3n);
      return result.map(({ userId }) => userId);
    };
    const column = MemberFieldColumnName;
    expect(await by(column.MEMBER_FIELD_NAME_UNSPECIFIED)).toEqual([a, b, c]);
    expect(await by(column.MEMBER_FIELD_NAME_USER_ID, false)).toEqual([c, b, a]);
    expect(await by(column.MEMBER_FIELD_NAME_CREATION_DATE)).toEqual([a, c, b]);
    expect(await by(column.MEMBER_FIELD_NAME_CHANGE_DATE)).toEqual([a, b, c]);
    expect(await by(column.MEMBER_FIELD_NAME_USER_RESOURCE_OWNER)).toEqual([a, c, b]);
    expect(await by(column.MEMBER_FIELD_NAME_USER_RESOURCE_OWNER, false)).toEqual([b, c, a]);
  });
});

describe('the last owner of the instance', () => {
  test('stays, and stays an owner', async () => {
    const lonely = await startServer();
    const { admin } = lonely.as();
    const [owner] = (await admin.listIAMMembers({})).result;
    const userId = owner?.userId ?? '';
    const last = 'FailedPrecondition LAST_OWNER';
    expect(await outcome(admin.removeIAMMember({ userId }))).toBe(last);
    expect(await outcome(admin.updateIAMMember({ userId, roles: ['IAM_ORG_MANAGER'] }))).toBe(last);
    await admin.addIAMMember({ userId: await createMachine(lonely), roles: ['IAM_ORG_MANAGER'] });
    expect(await outcome(admin.removeIAMMember({ userId }))).toBe(last);
    expect(await outcome(admin.updateIAMMember({ userId, roles: ['IAM_OWNER', 'IAM_OWNER_VIEWER'] }))).toBe('ok');
    const sleeping = await createMachine(lonely);
    await admin.addIAMMember({ userId: sleeping, roles: ['IAM_OWNER'] });
    const { users } = lonely.as();
    await users.deactivateUser({ userId: sleeping });
    // An owner who cannot act is none.
    expect(await outcome(admin.removeIAMMember({ userId }))).toBe(last);
    expect(await outcome(users.deactivateUser({ userId }))).toBe(last);
    expect(await outcome(users.lockUser({ userId }))).toBe(last);
    expect(await outcome(users.deleteUser({ userId }))).toBe(last);
    await users.reactivateUser({ userId: sleeping });
    expect(await outcome(admin.removeIAMMember({ userId }))).toBe('ok');
    const [remaining] = await lonely.sql`select user_id from instance_members where roles @> '{IAM_OWNER}'`;
    expect(remaining).toEqual({ user_id: sleeping });
  });

  test('is one of two who leave at the same moment', async () => {
    const crowd = await startServer();
    const [first] = (await crowd.as().admin.listIAMMembers({})).result;
    const owners = [await actAs(crowd, first?.userId ?? ''), await createInstanceManager(crowd, ['IAM_OWNER'])];
    for (let round = 0; round < 20; round++) {
      const leave = ({ admin, id }: Actor) =>
        outcome(
          round % 2 ? admin.removeIAMMember({ userId: id }) : admin.updateIAMMember({ userId: id, roles: ['IAM_OWNER_VIEWER'] }),
        );
      const outcomes = await Promise.all(owners.map(leave));
      expect(outcomes.toSorted()).toEqual(['FailedPrecondition LAST_OWNER', 'ok']);
      for (const { id } of owners) await grant(crowd, id, ['IAM_OWNER']);
    }
  });

  test('is not deleted, by itself or by others, and neither of two beside the one who leaves', async () => {
    const house = await startServer();
    const [first] = (await house.as().admin.listIAMMembers({})).result;
    const owner = await actAs(house, first?.userId ?? '');
    expect(await outcome(owner.users.deleteUser({ userId: owner.id }))).toBe('FailedPrecondition LAST_OWNER');
    for (let round = 0; round < 10; round++) {
      const second = await createInstanceManager(house, ['IAM_OWNER']);
      const outcomes = await Promise.all([
        outcome(owner.users.deleteUser({ userId: second.id })),
        outcome(second.admin.removeIAMMember({ userId: owner.id })),
      ]);
      const owners = await house.sql`select user_id from instance_members where roles @> '{IAM_OWNER}'`;
      expect(owners.length, outcomes.join()).toBeGreaterThan(0);
      await grant(house, owner.id, ['IAM_OWNER']);
    }
  });
});
