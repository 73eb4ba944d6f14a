import { timestampDate } from '@bufbuild/protobuf/wkt';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { UserState } from '../../gen/zitadel/user/v2/user_pb.ts';
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
  readHuman,
  readState,
  tokenFor,
  unique,
} from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let users: Clients['users'];

beforeAll(async () => {
  server = await startServer();
  ({ users } = server.as());
});

beforeEach(() => server.setTime(epoch));

const later = new Date(epoch.getTime() + 60_000);

const changes = ['deactivateUser', 'reactivateUser', 'lockUser', 'unlockUser'] as const;
const states = ['active', 'inactive', 'locked', 'initial'] as const;
const onTheWire = {
  active: UserState.ACTIVE,
  inactive: UserState.INACTIVE,
  locked: UserState.LOCKED,
  initial: UserState.INITIAL,
};

type State = (typeof states)[number];

/** What becomes of a user, or the reason why nothing does. */
const table: Record<(typeof changes)[number], Record<State, UserState | string>> = {
  deactivateUser: {
    active: UserState.INACTIVE,
    locked: UserState.INACTIVE,
    inactive: 'USER_ALREADY_INACTIVE',
    initial: 'USER_INITIAL',
  },
  reactivateUser: {
    active: 'USER_NOT_INACTIVE',
    locked: 'USER_NOT_INACTIVE',
    inactive: UserState.ACTIVE,
    initial: 'USER_NOT_INACTIVE',
  },
  lockUser: { active: UserState.LOCKED, locked: 'USER_NOT_LOCKABLE', inactive: 'USER_NOT_LOCKABLE', initial: UserState.LOCKED },
  unlockUser: { active: 'USER_NOT_LOCKED', locked: UserState.ACTIVE, inactive: 'USER_NOT_LOCKED', initial: 'USER_NOT_LOCKED' },
};

const put = (userId: string, state: State) => server.sql`update users set state = ${state} where id = ${userId}`;
const cases = changes.flatMap((change) => states.map((state) => [change, state] as const));

describe('a change of state', () => {
  test.each(cases)('%s of one that is %s', async (change, state) => {
    const expected = table[change][state];
    for (const userId of [await createHuman(server), await createMachine(server)]) {
      await put(userId, state);
      const { details: before } = await users.getUserByID({ userId });
      server.setTime(later);
      const call = users[change]({ userId });
      if (typeof expected === 'string') {
        expect(await outcome(call)).toBe(`FailedPrecondition ${expected}`);
        expect((await users.getUserByID({ userId })).details).toEqual(before);
        expect(await readState(server, userId)).toBe(onTheWire[state]);
      } else {
        const { details } = await call;
        expect(await readState(server, userId)).toBe(expected);
        expect(details).toMatchObject({ sequence: (before?.sequence ?? 0n) + 1n, resourceOwner: await homeOf(server) });
        expect(details?.changeDate && timestampDate(details.changeDate)).toEqual(later);
        expect((await users.getUserByID({ userId })).details).toEqual({ ...details, creationDate: before?.creationDate });
        expect(await outcome(users[change]({ userId }))).toMatch(/^FailedPrecondition /);
      }
      server.setTime(epoch);
    }
  });

  test('is in the history, and in the list at once', async () => {
    const userId = await createMachine(server);
    await users.lockUser({ userId });
    const [event] =
      await server.sql`select type, payload, caller_id from user_events where user_id = ${userId} order by sequence desc limit 1`;
    expect(event).toMatchObject({ type: 'state.changed', payload: { from: 'active', to: 'locked' } });
    const { result } = await users.listUsers({ queries: [{ query: { case: 'inUserIdsQuery', value: { userIds: [userId] } } }] });
    expect(result.map(({ state }) => state)).toEqual([UserState.LOCKED]);
  });

  test('leaves a locked or inactive user open to writes', async () => {
    for (const change of ['lockUser', 'deactivateUser'] as const) {
      const userId = await createHuman(server);
      await users[change]({ userId });
      expect(await outcome(users.updateHumanUser({ userId, username: unique('still') }))).toBe('ok');
      expect(await outcome(users.setUserMetadata({ userId, metadata: [{ key: 'k', value: Buffer.from('v') }] }))).toBe('ok');
    }
  });
});

describe.each([...changes, 'deleteUser'] as const)('who may call %s', (change) => {
  test('is whoever holds the permission there, and nobody else', async () => {
    const organizationId = await createOrganization(server);
    const prepared = async () => {
      const userId = await createHuman(server, { organizationId });
      if (change === 'reactivateUser') await put(userId, 'inactive');
      if (change === 'unlockUser') await put(userId, 'locked');
      return userId;
    };
    for (const allowed of [
      await createManager(server, ['ORG_USER_MANAGER'], organizationId),
      await createInstanceManager(server, ['IAM_USER_MANAGER']),
    ]) {
      expect(await outcome(allowed.users[change]({ userId: await prepared() }))).toBe('ok');
    }
    const userId = await prepared();
    for (const reader of [
      await createManager(server, ['ORG_OWNER_VIEWER'], organizationId),
      await createInstanceManager(server, ['IAM_OWNER_VIEWER']),
    ]) {
      expect(await outcome(reader.users[change]({ userId }))).toBe('PermissionDenied PERMISSION_DENIED');
    }
    for (const stranger of [
      await createStranger(server),
      await createManager(server, ['ORG_OWNER'], await createOrganization(server)),
      await actAs(server, await createHuman(server, { organizationId })),
    ]) {
      expect(await outcome(stranger.users[change]({ userId }))).toBe('NotFound USER_NOT_FOUND');
      expect(await outcome(stranger.users[change]({ userId: 'unknown' }))).toBe('NotFound USER_NOT_FOUND');
    }
    expect(await outcome(users[change]({ userId: 'unknown' }))).toBe('NotFound USER_NOT_FOUND');
    expect(await outcome(users[change]({ userId: '' }))).toBe('InvalidArgument INVALID_REQUEST');
    expect(await outcome(server.as('').users[change]({ userId }))).toBe('Unauthenticated UNAUTHENTICATED');
    expect(await outcome(users[change]({ userId }))).toBe('ok');
  });

  test('is not the user itself without the permission, and so before its state is told', async () => {
    for (const id of [await createHuman(server), await createMachine(server)]) {
      const self = await actAs(server, id);
      expect(await outcome(self.users[change]({ userId: id }))).toBe('PermissionDenied PERMISSION_DENIED');
      expect(await readState(server, id)).toBe(UserState.ACTIVE);
    }
  });
});

test('a user with the permission may lock, deactivate and delete itself', async () => {
  for (const change of ['lockUser', 'deactivateUser', 'deleteUser'] as const) {
    const manager = await createManager(server, ['ORG_USER_MANAGER'], await createOrganization(server));
    expect(await outcome(manager.users[change]({ userId: manager.id }))).toBe('ok');
    expect(await outcome(manager.users.getUserByID({ userId: manager.id }))).toBe('Unauthenticated UNAUTHENTICATED');
  }
});

describe('a user with the right to delete itself', () => {
  test.each([
    ['its organization', 'ORG_USER_SELF_MANAGER'],
    ['the instance', 'SELF_MANAGEMENT_GLOBAL'],
  ])('from %s does', async (_, role) => {
    const organizationId = await createOrganization(server);
    const userId = await createHuman(server, { organizationId });
    await grant(server, userId, [role], role.startsWith('ORG_') ? organizationId : undefined);
    const self = await actAs(server, userId);
    const other = await createHuman(server, { organizationId });
    expect(await outcome(self.users.deleteUser({ userId: other }))).toBe('NotFound USER_NOT_FOUND');
    expect(await outcome(self.users.deleteUser({ userId: 'unknown' }))).toBe('NotFound USER_NOT_FOUND');
    const { details } = await self.users.deleteUser({ userId });
    expect(details?.resourceOwner).toBe(organizationId);
    expect(await outcome(users.getUserByID({ userId }))).toBe('NotFound USER_NOT_FOUND');
  });

  test('from another organization does not', async () => {
    const userId = await createHuman(server);
    await grant(server, userId, ['ORG_USER_SELF_MANAGER'], await createOrganization(server));
    const self = await actAs(server, userId);
    expect(await outcome(self.users.deleteUser({ userId }))).toBe('PermissionDenied PERMISSION_DENIED');
  });
});

describe('a deleted user', () => {
  test('is gone at once, for reads, lists and writes', async () => {
    for (const userId of [await createHuman(server), await createMachine(server)]) {
      const { details: before } = await users.getUserByID({ userId });
      server.setTime(later);
      const { details } = await users.deleteUser({ userId });
      expect(details).toMatchObject({ sequence: (before?.sequence ?? 0n) + 1n, resourceOwner: before?.resourceOwner });
      expect(details?.changeDate && timestampDate(details.changeDate)).toEqual(later);
      expect(await outcome(users.getUserByID({ userId }))).toBe('NotFound USER_NOT_FOUND');
      const { result } = await users.listUsers({
        queries: [{ query: { case: 'inUserIdsQuery', value: { userIds: [userId] } } }],
      });
      expect(result).toEqual([]);
      expect(await outcome(users.updateHumanUser({ userId, username: 'x' }))).toBe('NotFound USER_NOT_FOUND');
      expect(await outcome(users.setUserMetadata({ userId, metadata: [{ key: 'k', value: Buffer.from('v') }] }))).toBe(
        'FailedPrecondition USER_UNKNOWN',
      );
      for (const change of [...changes, 'deleteUser'] as const)
        expect(await outcome(users[change]({ userId }))).toBe('NotFound USER_NOT_FOUND');
      server.setTime(epoch);
    }
  });

  test('can be in any state before', async () => {
    for (const state of states) {
      const userId = await createHuman(server);
      await put(userId, state);
      expect(await outcome(users.deleteUser({ userId }))).toBe('ok');
    }
  });

  test('leaves nothing to one that is created with its id, but the sequence goes on', async () => {
    const organizationId = await createOrganization(server);
    const userId = await createHuman(server, {
      organizationId,
      email: { email: `${unique('gone')}@example.net`, verification: { case: 'returnCode', value: {} } },
      phone: { phone: '+41791234567', verification: { case: 'returnCode', value: {} } },
      passwordType: { case: 'password', value: { password: 'Leftover-1', changeRequired: true } },
      totpSecret: 'JBSWY3DPEHPK3PXP',
    });
    await users.setUserMetadata({ userId, metadata: [{ key: 'k', value: Buffer.from('v') }] });
    await grant(server, userId, ['ORG_OWNER'], organizationId);
    await grant(server, userId, ['IAM_OWNER']);
    const token = await tokenFor(server, userId);
    const { username } = await readHuman(server, userId);
    const { details: deleted } = await users.deleteUser({ userId });

    server.setTime(later);
    await createHuman(server, { organizationId, userId, username });
    const again = await readHuman(server, userId);
    expect(again.details.sequence).toBeGreaterThan(deleted?.sequence ?? 0n);
    expect(again.details.creationDate && timestampDate(again.details.creationDate)).toEqual(later);
    expect(again).toMatchObject({
      state: UserState.ACTIVE,
      passwordChangeRequired: false,
      phone: { phone: '', isVerified: false },
    });
    expect(again.passwordChanged).toBeUndefined();
    expect((await users.listUserMetadata({ userId })).metadata).toEqual([]);
    expect(await outcome(server.as(token).users.getUserByID({ userId }))).toBe('Unauthenticated UNAUTHENTICATED');
    const { users: as } = await actAs(server, userId);
    expect(await outcome(as.deactivateUser({ userId }))).toBe('PermissionDenied PERMISSION_DENIED');
    const leftovers = await server.sql`
      select 'password' from user_passwords where user_id = ${userId} union all select 'totp' from totps where user_id = ${userId}
      union all select 'code' from codes where user_id = ${userId} union all select 'roles' from organization_members where user_id = ${userId}
      union all select 'roles' from instance_members where user_id = ${userId}`;
    expect([...leftovers]).toEqual([]);
  });

  test('keeps one history with all that had its id, in rising sequence', async () => {
    const userId = unique('many-lives');
    const sequences: bigint[] = [];
    const note = (details?: { sequence: bigint }) => sequences.push(details?.sequence ?? 0n);
    for (let life = 0; life < 3; life++) {
      await createMachine(server, { userId });
      note((await users.getUserByID({ userId })).details);
      note((await users.lockUser({ userId })).details);
      note((await users.deleteUser({ userId })).details);
    }
    expect(sequences).toEqual([1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n]);
    const history = await server.sql`select type from user_events where user_id = ${userId} order by sequence`;
    expect(history.map(({ type }) => type)).toEqual(
      Array.from({ length: 3 }, () => ['user.created', 'state.changed', 'user.deleted']).flat(),
    );
  });
});

describe('the token of a user', () => {
  let replica: TestServer;
  const works = 'ok';
  const refused = 'Unauthenticated UNAUTHENTICATED';
  const tries = ({ id, token }: Actor) =>
    Promise.all(
      [server, replica].flatMap((one) => [
        outcome(one.as(token).users.getUserByID({ userId: id })),
        outcome(one.as(token).users.listUsers({})),
      ]),
    );

  beforeAll(async () => {
    replica = await startServer({ beside: server });
  });

  test.each(['human', 'machine'] as const)(
    'is refused on the very next call, on every replica, while a %s is locked or inactive',
    async (type) => {
      const actor = await actAs(server, type === 'human' ? await createHuman(server) : await createMachine(server));
      expect(new Set(await tries(actor))).toEqual(new Set([works]));
      for (const [end, begin] of [
        ['lockUser', 'unlockUser'],
        ['deactivateUser', 'reactivateUser'],
      ] as const) {
        await users[end]({ userId: actor.id });
        expect(new Set(await tries(actor))).toEqual(new Set([refused]));
        await replica.as().users[begin]({ userId: actor.id });
        expect(new Set(await tries(actor))).toEqual(new Set([works]));
      }
      await put(actor.id, 'initial');
      expect(new Set(await tries(actor))).toEqual(new Set([refused]));
      await put(actor.id, 'active');
      await users.deleteUser({ userId: actor.id });
      expect(new Set(await tries(actor))).toEqual(new Set([refused]));
    },
  );

  test('gives only the rights that the user has at that moment, on every replica', async () => {
    const organizationId = await createOrganization(server);
    const manager = await createManager(server, ['ORG_USER_MANAGER'], organizationId);
    const userId = await createHuman(server, { organizationId });
    expect(await outcome(replica.as(manager.token).users.lockUser({ userId }))).toBe('ok');
    await grant(server, manager.id, ['ORG_OWNER_VIEWER'], organizationId);
    expect(await outcome(replica.as(manager.token).users.unlockUser({ userId }))).toBe('PermissionDenied PERMISSION_DENIED');
    await grant(server, manager.id, [], organizationId);
    expect(await outcome(replica.as(manager.token).users.unlockUser({ userId }))).toBe('NotFound USER_NOT_FOUND');
  });

  test('is refused when its organization is inactive', async () => {
    const organizationId = await createOrganization(server);
    const manager = await createManager(server, ['ORG_OWNER'], organizationId);
    await server.sql`update organizations set state = 'inactive' where id = ${organizationId}`;
    expect(new Set(await tries(manager))).toEqual(new Set([refused]));
  });
});
