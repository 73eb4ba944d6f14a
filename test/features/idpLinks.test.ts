// Accounts at identity providers that are linked with people: whose they may be, and what becomes of them.
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  actAs,
  createHuman,
  createInstanceManager,
  createMachine,
  createManager,
  createOrganization,
  createStranger,
  homeOf,
  readHuman,
  unique,
} from '../support/actors.ts';
import { brokenFields, outcome } from '../support/errors.ts';
import { createProvider } from '../support/providers.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let users: Clients['users'];
let home: string;
/** Of the instance. */
let idpId: string;

beforeAll(async () => {
  server = await startServer();
  ({ users } = server.as());
  home = await homeOf(server);
  idpId = await createProvider(server);
});

beforeEach(() => server.setTime(epoch));

const account = (userId = unique('account'), provider = idpId) => ({
  idpId: provider,
  userId,
  userName: `${userId}@example.org`,
});
const add = (userId: string, idpLink = account(), as = users) => outcome(as.addIDPLink({ userId, idpLink }));
const remove = (userId: string, linkedUserId: string, as = users, provider = idpId) =>
  outcome(as.removeIDPLink({ userId, idpId: provider, linkedUserId }));
const list = async (userId: string, query: object = { asc: true }) => (await users.listIDPLinks({ userId, query })).result;
const eventsOf = async (userId: string) =>
  (await server.sql`select type, payload from user_events where user_id = ${userId} order by sequence`).slice(1);

test('are added, listed and removed; each is told in the history, and moves the user', async () => {
  const userId = await createHuman(server);
  const link = account('Grüße-1');
  server.setTime(new Date(epoch.getTime() + 60_000));
  const added = await users.addIDPLink({ userId, idpLink: link });
  expect(added.details).toMatchObject({ sequence: 2n, resourceOwner: home });
  const { creationDate: _, ...details } = (await readHuman(server, userId)).details;
  expect(added.details).toMatchObject(details);
  const { result, details: listed } = await users.listIDPLinks({ userId });
  expect(result).toMatchObject([link]);
  expect(listed).toMatchObject({ totalResult: 1n });
  const removed = await users.removeIDPLink({ userId, idpId, linkedUserId: link.userId });
  expect(removed.details).toMatchObject({ sequence: 3n, resourceOwner: home });
  expect(await list(userId)).toEqual([]);
  const payload = { provider: idpId };
  expect(await eventsOf(userId)).toEqual([
    { type: 'link.added', payload },
    { type: 'link.removed', payload },
  ]);
});

describe('an account', () => {
  test('is one user’s, in any letter case, at one provider', async () => {
    const [one, other] = [
      await createHuman(server),
      await createHuman(server, { organizationId: await createOrganization(server) }),
    ];
    const elsewhere = await createProvider(server);
    expect(await add(one, account('Straße'))).toBe('ok');
    const before = await readHuman(server, other);
    for (const spelling of ['Straße', 'STRASSE', 'strasse']) {
      expect(await add(one, account(spelling))).toBe('AlreadyExists LINK_EXISTS');
      expect(await add(other, account(spelling))).toBe('AlreadyExists LINK_EXISTS');
    }
    expect(await readHuman(server, other)).toEqual(before);
    expect(await add(other, account('strasse', elsewhere))).toBe('ok');
    expect(await remove(other, 'straße')).toBe('NotFound LINK_NOT_FOUND');
    expect(await remove(one, 'STRASSE')).toBe('ok');
    expect(await remove(one, 'straße')).toBe('NotFound LINK_NOT_FOUND');
    expect(await add(other, account('straSSe'))).toBe('ok');
  });

  test('is one user’s however many ask at once', async () => {
    const people = await Promise.all(Array.from({ length: 20 }, () => createHuman(server)));
    const said = await Promise.all(people.map((userId, at) => add(userId, account(at % 2 === 0 ? 'Wanted' : 'wANTED'))));
    expect(said.toSorted()).toEqual([...Array.from({ length: 19 }, () => 'AlreadyExists LINK_EXISTS'), 'ok']);
    const lists = await Promise.all(people.map((userId) => list(userId)));
    expect(lists.flat()).toHaveLength(1);
    const events = await Promise.all(people.map((userId) => eventsOf(userId)));
    expect(events.flat()).toHaveLength(1);
  });

  test('is free again when its user is deleted', async () => {
    const userId = await createHuman(server);
    const link = account();
    await add(userId, link);
    await users.deleteUser({ userId });
    expect(await add(await createHuman(server), link)).toBe('ok');
  });
});

test('a provider has to be the organization’s or the instance’s, and switched on', async () => {
  const organizationId = await createOrganization(server);
  const [own, foreign, off] = [
    await createProvider(server, { organizationId: home }),
    await createProvider(server, { organizationId }),
    await createProvider(server, { state: 'inactive' }),
  ];
  const userId = await createHuman(server);
  const guest = await createHuman(server, { organizationId });
  expect(await add(userId, account('x', own))).toBe('ok');
  expect(await add(userId, account('x', foreign))).toBe('FailedPrecondition PROVIDER_UNKNOWN');
  expect(await add(guest, account('x', foreign))).toBe('ok');
  expect(await add(guest, account('y', own))).toBe('FailedPrecondition PROVIDER_UNKNOWN');
  expect(await add(userId, account('x', 'nothing'))).toBe('FailedPrecondition PROVIDER_UNKNOWN');
  expect(await add(userId, account('x', off))).toBe('FailedPrecondition PROVIDER_INACTIVE');

  await server.sql`update identity_providers set state = 'inactive' where id = ${own}`;
  expect(await list(userId)).toMatchObject([account('x', own)]);
  expect(await remove(userId, 'x', users, own)).toBe('ok');
});

test('every value has its limits', async () => {
  const userId = await createHuman(server);
  const long = 'x'.repeat(201);
  for (const [field, link] of [
    ['idp_link.idp_id', { ...account(), idpId: '' }],
    ['idp_link.idp_id', { ...account(), idpId: long }],
    ['idp_link.user_id', { ...account(), userId: '' }],
    ['idp_link.user_id', { ...account(), userId: long }],
    ['idp_link.user_name', { ...account(), userName: '' }],
    ['idp_link.user_name', { ...account(), userName: long }],
  ] as const) {
    expect(await brokenFields(users.addIDPLink({ userId, idpLink: link }))).toEqual([field]);
  }
  expect(await outcome(users.addIDPLink({ userId }))).toBe('FailedPrecondition PROVIDER_UNKNOWN');
  expect(await add(userId, { ...account('𝐀'.repeat(200)), userName: 'x'.repeat(200) })).toBe('ok');
  expect(await brokenFields(users.listIDPLinks({ userId, query: { limit: 1001 } }))).toEqual(['query.limit']);
});

test('a list comes by pages', async () => {
  const userId = await createHuman(server);
  const links = ['a', 'b', 'c'].map((letter) => account(`page-${letter}`));
  for (const link of links) await add(userId, link);
  const page = async (query: object) => (await list(userId, query)).map((link) => link.userId.slice(-1));
  expect(await page({ asc: true })).toEqual(['a', 'b', 'c']);
  expect(await page({})).toEqual(['c', 'b', 'a']);
  expect(await page({ asc: true, limit: 2 })).toEqual(['a', 'b']);
  expect(await page({ asc: true, offset: 1n, limit: 1 })).toEqual(['b']);
  expect(await page({ offset: 9n })).toEqual([]);
  expect((await users.listIDPLinks({ userId, query: { limit: 1 } })).details?.totalResult).toBe(3n);
});

describe('whose links', () => {
  test('of nobody and of a machine there are none', async () => {
    for (const userId of ['nobody', await createMachine(server)]) {
      expect(await add(userId)).toBe('FailedPrecondition USER_UNKNOWN');
      expect(await outcome(users.listIDPLinks({ userId }))).toBe('ok');
      expect(await list(userId)).toEqual([]);
      expect(await remove(userId, 'x')).toBe('NotFound USER_NOT_FOUND');
    }
  });

  test('somebody himself and who may write users add and remove them; who may read them, reads', async () => {
    const organizationId = await createOrganization(server);
    const self = await actAs(server, await createHuman(server, { organizationId }));
    const denied = 'PermissionDenied PERMISSION_DENIED';
    const hidden = 'NotFound USER_NOT_FOUND';
    const cases = [
      [self, 'ok', 'ok'],
      [await createManager(server, ['ORG_USER_MANAGER'], organizationId), 'ok', 'ok'],
      [await createManager(server, ['ORG_OWNER_VIEWER'], organizationId), 'ok', denied],
      [await createInstanceManager(server, ['IAM_OWNER_VIEWER']), 'ok', denied],
      [await createManager(server, ['ORG_OWNER'], await createOrganization(server)), hidden, hidden],
      [await createStranger(server), hidden, hidden],
    ] as const;
    const kept = account();
    await add(self.id, kept);
    for (const [{ users: as }, reads, writes] of cases) {
      const link = account();
      expect(await outcome(as.listIDPLinks({ userId: self.id }))).toBe(reads);
      expect(await add(self.id, link, as)).toBe(writes);
      expect(await remove(self.id, writes === 'ok' ? link.userId : kept.userId, as)).toBe(writes);
    }
    expect(await list(self.id)).toMatchObject([kept]);
    expect(await add('nobody', account(), (await createStranger(server)).users)).toBe(hidden);
  });
});

test('go with their provider, and so do the sign-ins there and what was checked by them', async () => {
  const gone = await createProvider(server);
  const userId = await createHuman(server);
  await add(userId, account('x', gone));
  await add(userId, account('kept'));
  const now = epoch.toISOString();
  await server.sql`insert into intents (id, provider_id, creator_id, state, success_url, failure_url, expected, sequence,
    created_at, changed_at, expires_at) values ('begun', ${gone}, 'x', 'started', 'https://a.example', 'https://a.example', '',
    1, ${now}, ${now}, ${now})`;
  for (const [id, provider] of [
    ['there', gone],
    ['elsewhere', idpId],
  ] as const) {
    await server.sql`insert into sessions (id, creator_id, user_id, organization_id, token_hash, sequence, created_at, changed_at,
      user_verified_at, intent_verified_at, intent_provider_id, intent_external_id) values (${id}, 'somebody', ${userId}, ${home},
      ${Buffer.from(id)}, 1, ${now}, ${now}, ${now}, ${now}, ${provider}, 'x')`;
  }
  await server.as().admin.deleteProvider({ id: gone });
  expect(await list(userId)).toMatchObject([{ idpId }]);
  expect(await server.sql`select 1 from intents where id = 'begun'`).toHaveLength(0);
  const sessions = await server.sql`select id, stale, intent_verified_at is not null as checked from sessions order by id`;
  expect(sessions).toEqual([
    { id: 'elsewhere', stale: false, checked: true },
    { id: 'there', stale: true, checked: false },
  ]);
});

test('a provider that goes while somebody is linked takes the link along, or is unknown', async () => {
  for (let round = 0; round < 5; round++) {
    const gone = await createProvider(server);
    const people = await Promise.all(Array.from({ length: 4 }, () => createHuman(server)));
    const [deleted, ...said] = await Promise.all([
      outcome(server.as().admin.deleteProvider({ id: gone })),
      ...people.map((userId) => add(userId, account(undefined, gone))),
    ]);
    expect(deleted).toBe('ok');
    for (const each of said) expect(['ok', 'FailedPrecondition PROVIDER_UNKNOWN']).toContain(each);
    expect(await server.sql`select 1 from provider_links where provider_id = ${gone}`).toHaveLength(0);
  }
});
