import { type MessageInitShape, toJsonString } from '@bufbuild/protobuf';
import { timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { TimestampFilterMethod } from '../../gen/zitadel/filter/v2/filter_pb.ts';
import { PersonalAccessTokenFieldName, type PersonalAccessTokensSearchFilterSchema } from '../../gen/zitadel/user/v2/pat_pb.ts';
import {
  type ListPersonalAccessTokensRequestSchema,
  ListPersonalAccessTokensResponseSchema,
} from '../../gen/zitadel/user/v2/user_service_pb.ts';
import {
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
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';

type Filter = MessageInitShape<typeof PersonalAccessTokensSearchFilterSchema>;

let server: TestServer;
let replica: TestServer;

beforeAll(async () => {
  // However many wrong tokens: nobody has to wait.
  const env = { ROSTER_TRIES_PER_NETWORK: '1000000' };
  server = await startServer({ env });
  replica = await startServer({ env, beside: server });
});

afterEach(() => server.setTime(epoch));

const minutes = (n: number) => new Date(epoch.getTime() + n * 60_000);
const addTo = (userId: string, expiry = minutes(60), as: Clients = server.as()) =>
  as.users.addPersonalAccessToken({ userId, expirationDate: timestampFromDate(expiry) });

/** What a call with this token comes to; any token may list. */
const use = (token: string, at: TestServer = server) => outcome(at.as(token).users.listUsers({}));

const refused = 'Unauthenticated UNAUTHENTICATED';

describe('a personal access token', () => {
  test('works as soon as it is added, on every replica, and stands nowhere in the database', async () => {
    const userId = await createMachine(server);
    const { tokenId, token, creationDate } = await addTo(userId);
    expect(tokenId).toMatch(/^\d{18}$/);
    expect(token).toMatch(/^roster_pat_[\w-]{43}$/);
    expect(creationDate && timestampDate(creationDate)).toEqual(epoch);
    expect(await use(token)).toBe('ok');
    expect(await use(token, replica)).toBe('ok');
    const { user } = await server.as(token).users.getUserByID({ userId });
    expect(user?.userId).toBe(userId);
    const stored = await server.sql`select encode(t.hash, 'escape') || t::text as text from personal_access_tokens t
      union all select e::text from user_events e`;
    const texts = stored.map(({ text }) => String(text));
    expect(texts.join()).toContain(tokenId);
    expect(texts.join()).not.toContain(token.slice(-43));
    expect((await addTo(userId)).token).not.toBe(token);
    expect(await use(token)).toBe('ok');
  });

  test('is refused in any other form', async () => {
    const { token } = await addTo(await createMachine(server));
    const flipped = Array.from(token, (char, at) => {
      const other = String.fromCharCode(char.charCodeAt(0) ^ 1);
      return token.slice(0, at) + other + token.slice(at + 1);
    });
    const prefixes = Array.from(token, (_, at) => token.slice(0, at)).slice(1);
    const longer = [`${token}A`, `${token}=`, token.toUpperCase(), token.replace('roster_pat_', ''), `A${token}`];
    const outcomes = await Promise.all([...flipped, ...prefixes, ...longer].map((other) => use(other)));
    expect(new Set(outcomes)).toEqual(new Set([refused]));
    expect(await use(token)).toBe('ok');
  });

  test('is refused from its expiry on', async () => {
    const { token } = await addTo(await createMachine(server), minutes(10));
    server.setTime(new Date(minutes(10).getTime() - 1));
    expect(await use(token)).toBe('ok');
    server.setTime(minutes(10));
    expect(await use(token)).toBe(refused);
  });

  test('is refused while its user may not act, from the next call on, on every replica', async () => {
    const { users } = server.as();
    const userId = await createMachine(server);
    const { token } = await addTo(userId);
    const both = async () => [await use(token), await use(token, replica)];
    expect(await both()).toEqual(['ok', 'ok']);
    await users.deactivateUser({ userId });
    expect(await both()).toEqual([refused, refused]);
    expect((await addTo(userId)).tokenId).toBeTruthy();
    await users.reactivateUser({ userId });
    expect(await both()).toEqual(['ok', 'ok']);
    await users.lockUser({ userId });
    expect(await both()).toEqual([refused, refused]);
    await users.unlockUser({ userId });
    await server.sql`update users set state = 'initial' where id = ${userId}`;
    expect(await both()).toEqual([refused, refused]);
    await server.sql`update users set state = 'active' where id = ${userId}`;
    expect(await both()).toEqual(['ok', 'ok']);
    await users.deleteUser({ userId });
    expect(await both()).toEqual([refused, refused]);
    await createMachine(server, { userId });
    expect(await both()).toEqual([refused, refused]);
  });

  test('is refused once it is removed, and only that one', async () => {
    const userId = await createMachine(server);
    const [gone, kept] = [await addTo(userId), await addTo(userId)];
    expect([await use(gone.token), await use(gone.token, replica)]).toEqual(['ok', 'ok']);
    const { deletionDate } = await server.as().users.removePersonalAccessToken({ userId, tokenId: gone.tokenId });
    expect(deletionDate && timestampDate(deletionDate)).toEqual(epoch);
    expect([await use(gone.token), await use(gone.token, replica)]).toEqual([refused, refused]);
    expect([await use(kept.token), await use(kept.token, replica)]).toEqual(['ok', 'ok']);
    const events = await server.sql`select type, payload from user_events where user_id = ${userId} order by sequence`;
    expect(events).toEqual([
      { type: 'user.created', payload: {} },
      { type: 'token.added', payload: { tokenId: gone.tokenId } },
      { type: 'token.added', payload: { tokenId: kept.tokenId } },
      { type: 'token.removed', payload: { tokenId: gone.tokenId } },
    ]);
  });

  test('is removed once, however many ask at the same time', async () => {
    const userId = await createMachine(server);
    const { tokenId } = await addTo(userId);
    const remove = () => outcome(server.as().users.removePersonalAccessToken({ userId, tokenId }));
    const outcomes = await Promise.all(Array.from({ length: 10 }, remove));
    expect(outcomes.toSorted()).toEqual([...Array.from({ length: 9 }, () => 'NotFound TOKEN_NOT_FOUND'), 'ok']);
  });
});

describe('adding and removing a token', () => {
  const all = async (as: Clients, userId: string, tokenId = '404') => [
    await outcome(addTo(userId, minutes(60), as)),
    await outcome(as.users.removePersonalAccessToken({ userId, tokenId })),
  ];
  const denied = 'PermissionDenied PERMISSION_DENIED';
  const hidden = 'NotFound USER_NOT_FOUND';

  test('needs an expiry in the future', async () => {
    const userId = await createMachine(server);
    for (const expiry of [epoch, new Date(epoch.getTime() - 1), new Date(0)]) {
      expect(await outcome(addTo(userId, expiry))).toBe('InvalidArgument EXPIRATION_PAST');
      expect(await brokenFields(addTo(userId, expiry))).toEqual(['expiration_date']);
    }
    expect(await outcome(addTo('404', epoch))).toBe('InvalidArgument EXPIRATION_PAST');
    expect(await outcome(addTo(userId, new Date(epoch.getTime() + 1)))).toBe('ok');
    expect(await outcome(addTo(userId, new Date('9999-12-31T23:59:59Z')))).toBe('ok');
    const { users } = server.as();
    expect(await brokenFields(users.addPersonalAccessToken({ userId }))).toEqual(['expiration_date']);
    for (const seconds of [253_402_300_800n, -62_135_596_801n, 2n ** 63n - 1n]) {
      const call = users.addPersonalAccessToken({ userId, expirationDate: { seconds } });
      expect(await outcome(call)).toBe('InvalidArgument INVALID_REQUEST');
    }
  });

  test('is for machines', async () => {
    const userId = await createHuman(server);
    expect(await all(server.as(), userId)).toEqual(['FailedPrecondition USER_NOT_MACHINE', 'NotFound TOKEN_NOT_FOUND']);
  });

  test('tells of users only to those who may read them', async () => {
    const organizationId = await createOrganization(server);
    const manager = await createManager(server, ['ORG_OWNER'], organizationId);
    const elsewhere = await createMachine(server);
    expect(await all(server.as(), '404')).toEqual(['FailedPrecondition USER_UNKNOWN', hidden]);
    expect(await all(manager, '404')).toEqual([hidden, hidden]);
    expect(await all(manager, elsewhere)).toEqual([hidden, hidden]);
    expect(await all(manager, await createMachine(server, { organizationId }))).toEqual(['ok', 'NotFound TOKEN_NOT_FOUND']);
    expect(await all(server.as(''), elsewhere)).toEqual([refused, refused]);
  });

  test('needs user.write; being the user is not enough', async () => {
    const organizationId = await createOrganization(server);
    const viewer = await createManager(server, ['ORG_OWNER_VIEWER'], organizationId);
    const stranger = await createStranger(server);
    const { tokenId } = await addTo(stranger.id);
    expect(await all(viewer, await createMachine(server, { organizationId }))).toEqual([denied, denied]);
    expect(await all(stranger, stranger.id, tokenId)).toEqual([denied, denied]);
    expect(await all(viewer, await createHuman(server, { organizationId }))).toEqual([denied, denied]);
    const manager = await createManager(server, ['ORG_USER_MANAGER'], organizationId);
    expect(await all(manager, manager.id)).toEqual(['ok', 'NotFound TOKEN_NOT_FOUND']);
  });

  test('is not for those who lack a right that the machine has', async () => {
    const organizationId = await createOrganization(server);
    const manager = await createManager(server, ['ORG_USER_MANAGER'], organizationId);
    const owner = await createManager(server, ['ORG_OWNER'], organizationId);
    const instanceOwner = await createMachine(server, { organizationId });
    await grant(server, instanceOwner, ['IAM_OWNER']);
    const elsewhereOwner = await createMachine(server, { organizationId });
    await grant(server, elsewhereOwner, ['ORG_OWNER'], await homeOf(server));
    const higher = 'PermissionDenied HIGHER_RIGHTS';
    const { tokenId } = await addTo(owner.id);
    expect(await all(manager, owner.id, tokenId)).toEqual([higher, higher]);
    expect(await all(manager, instanceOwner)).toEqual([higher, higher]);
    expect(await all(owner, instanceOwner)).toEqual([higher, higher]);
    expect(await all(owner, elsewhereOwner)).toEqual([higher, higher]);
    expect(await all(owner, manager.id)).toEqual(['ok', 'NotFound TOKEN_NOT_FOUND']);
    expect(await all(await createInstanceManager(server, ['IAM_USER_MANAGER']), owner.id)).toEqual([higher, higher]);
  });

  test("removes a user's own tokens only", async () => {
    const [one, other] = [await createMachine(server), await createMachine(server)];
    const { tokenId, token } = await addTo(one);
    expect((await all(server.as(), other, tokenId))[1]).toBe('NotFound TOKEN_NOT_FOUND');
    expect(await use(token)).toBe('ok');
  });
});

describe('a list of tokens', () => {
  const list = async (request: MessageInitShape<typeof ListPersonalAccessTokensRequestSchema>, as: Clients = server.as()) => {
    const { result, pagination } = await as.users.listPersonalAccessTokens(request);
    return { ids: result.map(({ id }) => id), total: pagination?.totalResult };
  };
  const of = (userId: string): Filter => ({ filter: { case: 'userIdFilter', value: { id: userId } } });

  test('tells everything but the token', async () => {
    const organizationId = await createOrganization(server);
    const userId = await createMachine(server, { organizationId });
    const { tokenId, token } = await addTo(userId);
    const response = await server.as().users.listPersonalAccessTokens({ filters: [of(userId)] });
    expect(response.pagination).toMatchObject({ totalResult: 1n, appliedLimit: 100n });
    const dates = { creationDate: timestampFromDate(epoch), changeDate: timestampFromDate(epoch) };
    const expirationDate = timestampFromDate(minutes(60));
    expect(response.result).toMatchObject([{ id: tokenId, userId, organizationId, ...dates, expirationDate }]);
    expect(toJsonString(ListPersonalAccessTokensResponseSchema, response)).not.toContain(token);
  });

  test("holds the tokens of users that the caller may read, and the caller's own", async () => {
    const organizationId = await createOrganization(server);
    const manager = await createManager(server, ['ORG_OWNER'], organizationId);
    const machine = await addTo(await createMachine(server, { organizationId }));
    const stranger = await createStranger(server);
    const mine = (await list({ filters: [of(stranger.id)] })).ids;
    expect(mine).toHaveLength(1);
    expect(await list({}, stranger)).toEqual({ ids: mine, total: 1n });
    const seen = await list({ pagination: { asc: true } }, manager);
    expect(seen).toEqual({ ids: [...(await list({ filters: [of(manager.id)] })).ids, machine.tokenId], total: 2n });
    expect(await list({ filters: [of(stranger.id)] }, manager)).toEqual({ ids: [], total: 0n });
    await grant(server, stranger.id, ['ORG_OWNER_VIEWER'], organizationId);
    expect((await list({}, stranger)).total).toBe(3n);
    await grant(server, stranger.id, ['IAM_OWNER_VIEWER']);
    expect((await list({}, stranger)).total).toBe((await list({})).total);
    expect(await outcome(server.as('').users.listPersonalAccessTokens({}))).toBe(refused);
  });

  test('is narrowed by every filter, all of which must hold', async () => {
    const organizationId = await createOrganization(server);
    const userId = await createMachine(server, { organizationId });
    const ids: string[] = [];
    for (const at of [1, 2, 3]) {
      server.setTime(minutes(at));
      ids.push((await addTo(userId, minutes(100 - at))).tokenId);
    }
    const [first, second, third] = ids;
    const here: Filter = { filter: { case: 'organizationIdFilter', value: { id: organizationId } } };
    const only = async (...filters: Filter[]) => (await list({ filters: [here, ...filters], pagination: { asc: true } })).ids;
    const created = (method: TimestampFilterMethod): Filter => ({
      filter: { case: 'createdDateFilter', value: { timestamp: timestampFromDate(minutes(2)), method } },
    });
    const expiring = (method: TimestampFilterMethod): Filter => ({
      filter: { case: 'expirationDateFilter', value: { timestamp: timestampFromDate(minutes(98)), method } },
    });
    const { EQUALS, AFTER, AFTER_OR_EQUALS, BEFORE, BEFORE_OR_EQUALS } = TimestampFilterMethod;
    expect(await only()).toEqual([first, second, third]);
    expect(await only({ filter: { case: 'tokenIdFilter', value: { id: second ?? '' } } })).toEqual([second]);
    expect(await only(of('404'))).toEqual([]);
    expect(await only(created(EQUALS))).toEqual([second]);
    expect(await only(created(AFTER))).toEqual([third]);
    expect(await only(created(AFTER_OR_EQUALS))).toEqual([second, third]);
    expect(await only(created(BEFORE))).toEqual([first]);
    expect(await only(created(BEFORE_OR_EQUALS))).toEqual([first, second]);
    expect(await only(expiring(EQUALS))).toEqual([second]);
    expect(await only(expiring(AFTER))).toEqual([first]);
    expect(await only(expiring(BEFORE_OR_EQUALS))).toEqual([second, third]);
    expect(await only(created(AFTER_OR_EQUALS), expiring(AFTER_OR_EQUALS))).toEqual([second]);
    expect(await outcome(only({ filter: { case: undefined } }))).toBe('InvalidArgument INVALID_REQUEST');
    const timeless: Filter = { filter: { case: 'createdDateFilter', value: {} } };
    expect(await brokenFields(only(timeless))).toEqual(['filters[1].created_date_filter.timestamp']);
  });

  test('comes by every column, the newest first unless asked otherwise, in pages', async () => {
    const [near, far] = [await createOrganization(server), await createOrganization(server)];
    const reader = await createInstanceManager(server, ['IAM_OWNER_VIEWER']);
    const x = await createMachine(server, { organizationId: far });
    const y = await createMachine(server, { organizationId: near });
    const token = async (userId: string, at: number, expiry: number) => {
      server.setTime(minutes(at));
      return (await addTo(userId, minutes(expiry))).tokenId;
    };
    const a = await token(x, 30, 90);
    const c = await token(y, 20, 70);
    const b = await token(x, 20, 80);
    server.setTime(minutes(40));
    const after: Filter = {
      filter: {
        case: 'createdDateFilter',
        value: { timestamp: timestampFromDate(minutes(10)), method: TimestampFilterMethod.AFTER },
      },
    };
    const by = async (sortingColumn: PersonalAccessTokenFieldName | undefined, asc: boolean) => {
      const request = { filters: [after], pagination: { asc }, ...(sortingColumn !== undefined && { sortingColumn }) };
      return (await list(request, reader)).ids;
    };
    const { UNSPECIFIED, CREATED_DATE, ID, USER_ID, ORGANIZATION_ID, EXPIRATION_DATE } = PersonalAccessTokenFieldName;
    // c was made before b, at the same instant.
    const idOrder = [a, b, c].toSorted();
    const [low, high] = [b, c].toSorted();
    expect(await by(undefined, false)).toEqual([a, high, low]);
    expect(await by(UNSPECIFIED, false)).toEqual([a, high, low]);
    expect(await by(CREATED_DATE, true)).toEqual([low, high, a]);
    expect(await by(ID, true)).toEqual(idOrder);
    expect(await by(ID, false)).toEqual(idOrder.toReversed());
    expect(await by(USER_ID, true)).toEqual([...[a, b].toSorted(), c]);
    expect(await by(ORGANIZATION_ID, true)).toEqual([c, ...[a, b].toSorted()]);
    expect(await by(EXPIRATION_DATE, true)).toEqual([c, b, a]);
    const page = await reader.users.listPersonalAccessTokens({ filters: [after], pagination: { offset: 1n, limit: 1 } });
    expect(page.result.map(({ id }) => id)).toEqual([high]);
    expect(page.pagination).toMatchObject({ totalResult: 3n, appliedLimit: 1n });
    expect(await outcome(list({ pagination: { limit: 1001 } }))).toBe('InvalidArgument LIMIT_TOO_LARGE');
  });
});
