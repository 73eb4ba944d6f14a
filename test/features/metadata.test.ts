import { timestampDate } from '@bufbuild/protobuf/wkt';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TextFilterMethod } from '../../gen/zitadel/filter/v2/filter_pb.ts';
import {
  actAs,
  createHuman,
  createInstanceManager,
  createMachine,
  createManager,
  createOrganization,
  createStranger,
  readHuman,
} from '../support/actors.ts';
import { brokenFields, outcome } from '../support/errors.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let users: Clients['users'];

beforeAll(async () => {
  server = await startServer();
  ({ users } = server.as());
});

beforeEach(() => server.setTime(epoch));

/** A number that no enum of the definitions knows. */
const unknownNumber = JSON.parse('99');
const minutes = (n: number) => new Date(epoch.getTime() + n * 60_000);
const entry = (key: string, value: string | Uint8Array = 'v') => ({
  key,
  value: typeof value === 'string' ? Buffer.from(value) : value,
});
const entriesOf = async (userId: string) =>
  Object.fromEntries(
    (await users.listUserMetadata({ userId, pagination: { limit: 1000 } })).metadata.map(({ key, value }) => [
      key,
      Buffer.from(value).toString(),
    ]),
  );
const dateOf = (timestamp: Parameters<typeof timestampDate>[0] | undefined) => timestamp && timestampDate(timestamp);

describe('SetUserMetadata', () => {
  test('sets entries of people and machines, opaque bytes, readable at once', async () => {
    for (const userId of [await createHuman(server), await createMachine(server)]) {
      const value = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      const { setDate } = await users.setUserMetadata({ userId, metadata: [entry('bytes', value), entry('ключ 🗝', 'v')] });
      expect(dateOf(setDate)).toEqual(epoch);
      const { metadata } = await users.listUserMetadata({ userId });
      expect(metadata.map(({ key, value: bytes }) => [key, [...bytes]])).toEqual([
        ['ключ 🗝', [118]],
        ['bytes', [...value]],
      ]);
    }
  });

  test('moves the user, and its history holds keys, never values', async () => {
    const userId = await createHuman(server);
    const { details } = await readHuman(server, userId);
    server.setTime(minutes(1));
    await users.setUserMetadata({ userId, metadata: [entry('colour', 'ultramarine'), entry('size', 'seventeen')] });
    const after = await readHuman(server, userId);
    expect(after.details.sequence).toBe(details.sequence + 1n);
    expect(dateOf(after.details.changeDate)).toEqual(minutes(1));
    const [event] = await server.sql`select * from user_events where user_id = ${userId} order by sequence desc limit 1`;
    expect(event).toMatchObject({ type: 'metadata.set', payload: { keys: ['colour', 'size'] } });
    expect(JSON.stringify(event)).not.toMatch(/ultramarine|seventeen|756c7472/);
  });

  test('changes a value and its date; what is not named stays', async () => {
    const userId = await createHuman(server);
    await users.setUserMetadata({ userId, metadata: [entry('a', '1'), entry('b', '1')] });
    server.setTime(minutes(1));
    const { setDate } = await users.setUserMetadata({ userId, metadata: [entry('a', '2')] });
    expect(dateOf(setDate)).toEqual(minutes(1));
    const { metadata } = await users.listUserMetadata({ userId });
    const dates = metadata.map(({ key, creationDate, changeDate }) => [key, dateOf(creationDate), dateOf(changeDate)]);
    expect(dates).toEqual([
      ['b', epoch, epoch],
      ['a', epoch, minutes(1)],
    ]);
  });

  test('with the same value again changes nothing, and tells since when it is so', async () => {
    const userId = await createHuman(server);
    await users.setUserMetadata({ userId, metadata: [entry('a', '1')] });
    const before = await readHuman(server, userId);
    server.setTime(minutes(1));
    const { setDate } = await users.setUserMetadata({ userId, metadata: [entry('a', '1')] });
    expect(dateOf(setDate)).toEqual(epoch);
    expect(await readHuman(server, userId)).toEqual(before);
  });

  test('removes what gets an empty value, and ignores what is not there', async () => {
    const userId = await createHuman(server);
    await users.setUserMetadata({ userId, metadata: [entry('a'), entry('b')] });
    await users.setUserMetadata({ userId, metadata: [entry('a', ''), entry('c', '')] });
    expect(await entriesOf(userId)).toEqual({ b: 'v' });
    const { details } = await readHuman(server, userId);
    expect(await outcome(users.setUserMetadata({ userId, metadata: [entry('absent', '')] }))).toBe('ok');
    expect((await readHuman(server, userId)).details).toEqual(details);
  });

  test('takes the last of several with one key; letter case makes another key', async () => {
    const userId = await createHuman(server);
    await users.setUserMetadata({
      userId,
      metadata: [entry('a', '1'), entry('A', '2'), entry('a', '3'), entry('b', '4'), entry('b', '')],
    });
    expect(await entriesOf(userId)).toEqual({ a: '3', A: '2' });
  });

  test('takes as many entries as fit a message', async () => {
    const userId = await createMachine(server);
    const metadata = Array.from({ length: 11_000 }, (_, n) => entry(`key ${n}`));
    expect(await outcome(users.setUserMetadata({ userId, metadata }))).toBe('ok');
    expect((await users.listUserMetadata({ userId, pagination: { limit: 1 } })).pagination?.totalResult).toBe(11_000n);
    expect(await outcome(users.deleteUserMetadata({ userId, keys: metadata.map(({ key }) => key) }))).toBe('ok');
  });

  test('takes the longest key and value, and no longer ones', async () => {
    const userId = await createMachine(server);
    expect(await outcome(users.setUserMetadata({ userId, metadata: [entry('🗝'.repeat(200), Buffer.alloc(500_000, 1))] }))).toBe(
      'ok',
    );
    for (const [field, bad] of [
      ['metadata[1].key', entry('')],
      ['metadata[1].key', entry('x'.repeat(201))],
      ['metadata[1].value', entry('k', Buffer.alloc(500_001, 1))],
    ] as const) {
      const call = () => users.setUserMetadata({ userId, metadata: [entry('good'), bad] });
      expect(await outcome(call())).toBe('InvalidArgument INVALID_REQUEST');
      expect(await brokenFields(call())).toEqual([field]);
    }
    expect(Object.keys(await entriesOf(userId))).toHaveLength(1);
  });

  test('is told what is missing: the user before the entries', async () => {
    expect(await outcome(users.setUserMetadata({ userId: 'unknown', metadata: [entry('k')] }))).toBe(
      'FailedPrecondition USER_UNKNOWN',
    );
    expect(await outcome(users.setUserMetadata({ userId: await createHuman(server), metadata: [] }))).toBe(
      'FailedPrecondition METADATA_LIST_EMPTY',
    );
    expect(await outcome(users.setUserMetadata({ userId: '', metadata: [entry('k')] }))).toBe('InvalidArgument INVALID_REQUEST');
  });
});

describe('ListUserMetadata', () => {
  let userId: string;

  beforeAll(async () => {
    userId = await createHuman(server);
    for (const [n, key] of ['Alpha', 'alphabet', 'beta', '100%', '100x', 'ÄRGER'].entries()) {
      server.setTime(minutes(n));
      await users.setUserMetadata({ userId, metadata: [entry(key)] });
    }
  });

  const keys = async (request: Parameters<Clients['users']['listUserMetadata']>[0] = {}) =>
    (await users.listUserMetadata({ userId, ...request })).metadata.map(({ key }) => key);
  const filter = (method: TextFilterMethod, key: string) => ({
    filters: [{ filter: { case: 'keyFilter', value: { key, method } } as const }],
  });

  test('gives the newest first, or the oldest', async () => {
    expect(await keys()).toEqual(['ÄRGER', '100x', '100%', 'beta', 'alphabet', 'Alpha']);
    expect(await keys({ pagination: { asc: true } })).toEqual(['Alpha', 'alphabet', 'beta', '100%', '100x', 'ÄRGER']);
  });

  test('gives pages that neither overlap nor skip, with the total before them', async () => {
    const all: string[] = [];
    for (let offset = 0n; offset < 6n; offset += 2n) {
      const { metadata, pagination } = await users.listUserMetadata({ userId, pagination: { offset, limit: 2, asc: true } });
      expect(pagination).toMatchObject({ appliedLimit: 2n, totalResult: 6n });
      all.push(...metadata.map(({ key }) => key));
    }
    expect(all).toEqual(await keys({ pagination: { asc: true } }));
    expect(await keys({ pagination: { offset: 6n } })).toEqual([]);
    expect((await users.listUserMetadata({ userId })).pagination?.appliedLimit).toBe(100n);
    expect(await outcome(users.listUserMetadata({ userId, pagination: { limit: 1001 } }))).toBe(
      'InvalidArgument LIMIT_TOO_LARGE',
    );
  });

  test('gives pages of entries that were set at once, too', async () => {
    const other = await createMachine(server);
    await users.setUserMetadata({ userId: other, metadata: Array.from({ length: 20 }, (_, n) => entry(`k${n}`)) });
    const seen = new Set<string>();
    for (let offset = 0n; offset < 20n; offset += 3n) {
      for (const { key } of (await users.listUserMetadata({ userId: other, pagination: { offset, limit: 3 } })).metadata)
        seen.add(key);
    }
    expect(seen.size).toBe(20);
  });

  test.each([
    ['EQUALS', TextFilterMethod.EQUALS, 'alphabet', ['alphabet']],
    ['EQUALS', TextFilterMethod.EQUALS, 'alpha', []],
    ['EQUALS_IGNORE_CASE', TextFilterMethod.EQUALS_IGNORE_CASE, 'ALPHA', ['Alpha']],
    ['STARTS_WITH', TextFilterMethod.STARTS_WITH, 'alpha', ['alphabet']],
    ['STARTS_WITH_IGNORE_CASE', TextFilterMethod.STARTS_WITH_IGNORE_CASE, 'alpha', ['alphabet', 'Alpha']],
    ['CONTAINS', TextFilterMethod.CONTAINS, 'bet', ['beta', 'alphabet']],
    ['CONTAINS_IGNORE_CASE', TextFilterMethod.CONTAINS_IGNORE_CASE, 'ärger', ['ÄRGER']],
    ['CONTAINS of a percent sign', TextFilterMethod.CONTAINS, '%', ['100%']],
    ['STARTS_WITH of an underscore', TextFilterMethod.STARTS_WITH, '100_', []],
    ['ENDS_WITH', TextFilterMethod.ENDS_WITH, 'ta', ['beta']],
    ['ENDS_WITH_IGNORE_CASE', TextFilterMethod.ENDS_WITH_IGNORE_CASE, 'PHA', ['Alpha']],
    ['CONTAINS of nothing', TextFilterMethod.CONTAINS, '', ['ÄRGER', '100x', '100%', 'beta', 'alphabet', 'Alpha']],
  ])('filters by %s', async (_, method, text, expected) => {
    expect(await keys(filter(method, text))).toEqual(expected);
    const { pagination } = await users.listUserMetadata({ userId, ...filter(method, text), pagination: { limit: 1 } });
    expect(pagination?.totalResult).toBe(BigInt(expected.length));
  });

  test('refuses filters that say nothing, or what nobody knows', async () => {
    expect(await outcome(users.listUserMetadata({ userId, filters: [{}] }))).toBe('InvalidArgument INVALID_REQUEST');
    expect(await outcome(users.listUserMetadata({ userId, ...filter(unknownNumber, 'x') }))).toBe(
      'InvalidArgument INVALID_REQUEST',
    );
    expect(await outcome(users.listUserMetadata({ userId, ...filter(TextFilterMethod.EQUALS, 'x'.repeat(201)) }))).toBe(
      'InvalidArgument INVALID_REQUEST',
    );
  });

  test('of an unknown user is empty for whoever may know all', async () => {
    expect((await users.listUserMetadata({ userId: 'unknown' })).metadata).toEqual([]);
    const { users: as } = await createInstanceManager(server, ['IAM_OWNER_VIEWER']);
    expect((await as.listUserMetadata({ userId: 'unknown' })).pagination?.totalResult).toBe(0n);
  });
});

describe('DeleteUserMetadata', () => {
  test('removes entries, moves the user and tells when', async () => {
    const userId = await createHuman(server);
    await users.setUserMetadata({ userId, metadata: [entry('a'), entry('b'), entry('c')] });
    const { details } = await readHuman(server, userId);
    server.setTime(minutes(1));
    const { deletionDate } = await users.deleteUserMetadata({ userId, keys: ['a', 'c', 'a'] });
    expect(dateOf(deletionDate)).toEqual(minutes(1));
    expect(await entriesOf(userId)).toEqual({ b: 'v' });
    expect((await readHuman(server, userId)).details.sequence).toBe(details.sequence + 1n);
    const [event] =
      await server.sql`select type, payload from user_events where user_id = ${userId} order by sequence desc limit 1`;
    expect(event).toEqual({ type: 'metadata.removed', payload: { keys: ['a', 'c'] } });
  });

  test('removes nothing when one key is missing', async () => {
    const userId = await createHuman(server);
    await users.setUserMetadata({ userId, metadata: [entry('a')] });
    for (const missing of ['b', 'A'])
      expect(await outcome(users.deleteUserMetadata({ userId, keys: ['a', missing] }))).toBe('NotFound METADATA_NOT_FOUND');
    expect(await entriesOf(userId)).toEqual({ a: 'v' });
  });

  test('is told of an empty list before the user, and of broken keys', async () => {
    expect(await outcome(users.deleteUserMetadata({ userId: 'unknown', keys: [] }))).toBe(
      'FailedPrecondition METADATA_LIST_EMPTY',
    );
    expect(await outcome(users.deleteUserMetadata({ userId: '', keys: [] }))).toBe('FailedPrecondition METADATA_LIST_EMPTY');
    expect(await outcome(users.deleteUserMetadata({ userId: 'unknown', keys: ['k'] }))).toBe('FailedPrecondition USER_UNKNOWN');
    expect(await outcome(users.deleteUserMetadata({ userId: '', keys: ['k'] }))).toBe('FailedPrecondition USER_UNKNOWN');
    expect(await outcome(users.deleteUserMetadata({ userId: 'unknown', keys: ['k', ''] }))).toBe(
      'InvalidArgument INVALID_REQUEST',
    );
    expect(await brokenFields(users.deleteUserMetadata({ userId: 'unknown', keys: ['k', 'x'.repeat(201)] }))).toEqual([
      'keys[1]',
    ]);
  });
});

describe('the metadata of a user', () => {
  test('is read by the user and by readers, written by managers, and no matter for strangers', async () => {
    const organizationId = await createOrganization(server);
    const userId = await createHuman(server, { organizationId });
    const calls = [
      ['read', (as: Clients['users'], id = userId) => as.listUserMetadata({ userId: id })],
      ['write', (as: Clients['users'], id = userId) => as.setUserMetadata({ userId: id, metadata: [entry('k')] })],
      ['write', (as: Clients['users'], id = userId) => as.deleteUserMetadata({ userId: id, keys: ['k'] })],
    ] as const;
    const manager = await createManager(server, ['ORG_USER_MANAGER'], organizationId);
    for (const [, call] of calls) expect(await outcome(call(manager.users))).toBe('ok');
    await manager.users.setUserMetadata({ userId, metadata: [entry('k')] });
    for (const reader of [await actAs(server, userId), await createManager(server, ['ORG_OWNER_VIEWER'], organizationId)]) {
      for (const [kind, call] of calls)
        expect(await outcome(call(reader.users))).toBe(kind === 'read' ? 'ok' : 'PermissionDenied PERMISSION_DENIED');
    }
    for (const stranger of [
      await createStranger(server),
      await createManager(server, ['ORG_OWNER'], await createOrganization(server)),
      await actAs(server, await createHuman(server, { organizationId })),
    ]) {
      for (const [, call] of calls) {
        expect(await outcome(call(stranger.users))).toBe('NotFound USER_NOT_FOUND');
        expect(await outcome(call(stranger.users, 'unknown'))).toBe('NotFound USER_NOT_FOUND');
      }
    }
    for (const [, call] of calls) expect(await outcome(call(server.as('').users))).toBe('Unauthenticated UNAUTHENTICATED');
    expect(await entriesOf(userId)).toEqual({ k: 'v' });
  });
});
