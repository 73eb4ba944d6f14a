import { timestampDate } from '@bufbuild/protobuf/wkt';
import { beforeAll, expect, test } from 'vitest';
import { secretHash } from '../../src/features/machine/secret.ts';
import {
  createHuman,
  createInstanceManager,
  createMachine,
  createManager,
  createOrganization,
  createStranger,
  grant,
} from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});

const add = (userId: string) => server.as().users.addSecret({ userId });
const remove = (userId: string) => server.as().users.removeSecret({ userId });

/** Which of these secrets the database takes for the machine's. */
async function counting(userId: string, secrets: readonly string[]): Promise<string[]> {
  const rows = await server.sql<{ hash: Buffer }[]>`select hash from machine_secrets where user_id = ${userId}`;
  const known = rows.map(({ hash }) => hash.toString('hex'));
  return secrets.filter((secret) => known.includes(secretHash(server.app.keys, userId, secret).toString('hex')));
}

async function hasSecret(userId: string): Promise<boolean | undefined> {
  const { users } = server.as();
  const { user } = await users.getUserByID({ userId });
  const { result } = await users.listUsers({ queries: [{ query: { case: 'inUserIdsQuery', value: { userIds: [userId] } } }] });
  const told = [user, ...result].map((one) => one?.type.case === 'machine' && one.type.value.hasSecret);
  expect(new Set(told).size).toBe(1);
  return told[0];
}

/** What adding and removing come to. */
const both = async (as: Clients, userId: string) => [
  await outcome(as.users.addSecret({ userId })),
  await outcome(as.users.removeSecret({ userId })),
];

test('a secret is told once, replaces the one before, and stands nowhere in the database', async () => {
  const userId = await createMachine(server);
  expect(await hasSecret(userId)).toBe(false);
  const first = await add(userId);
  expect(first.clientSecret).toMatch(/^[a-zA-Z0-9]{64}$/);
  expect(first.creationDate && timestampDate(first.creationDate)).toEqual(epoch);
  expect(await hasSecret(userId)).toBe(true);
  const second = await add(userId);
  expect(await counting(userId, [first.clientSecret, second.clientSecret])).toEqual([second.clientSecret]);
  // Of another machine it is none.
  const other = await createMachine(server);
  await server.sql`insert into machine_secrets select ${other}, hash from machine_secrets where user_id = ${userId}`;
  expect(await counting(other, [second.clientSecret])).toEqual([]);
  const stored = await server.sql<{ text: string }[]>`select encode(s.hash, 'escape') || s::text as text from machine_secrets s
    union all select u::text from users u union all select e::text from user_events e`;
  const texts = stored.map(({ text }) => text).join();
  expect(texts).toContain(userId);
  expect(texts).not.toContain(second.clientSecret);
});

test('a secret ends when it is removed, and with the machine', async () => {
  const userId = await createMachine(server);
  const { clientSecret } = await add(userId);
  const { deletionDate } = await remove(userId);
  expect(deletionDate && timestampDate(deletionDate)).toEqual(epoch);
  expect(await hasSecret(userId)).toBe(false);
  expect(await counting(userId, [clientSecret])).toEqual([]);
  expect(await outcome(remove(userId))).toBe('FailedPrecondition SECRET_ABSENT');
  const events = await server.sql`select type, payload from user_events where user_id = ${userId} order by sequence`;
  expect(events).toEqual([
    { type: 'user.created', payload: {} },
    { type: 'secret.added', payload: {} },
    { type: 'secret.removed', payload: {} },
  ]);
  const again = await add(userId);
  await server.as().users.deleteUser({ userId });
  await createMachine(server, { userId });
  expect(await hasSecret(userId)).toBe(false);
  expect(await counting(userId, [again.clientSecret])).toEqual([]);
});

test('of many that are added at once one counts', async () => {
  const userId = await createMachine(server);
  const secrets = (await Promise.all(Array.from({ length: 20 }, () => add(userId)))).map(({ clientSecret }) => clientSecret);
  expect(new Set(secrets).size).toBe(20);
  expect(await counting(userId, secrets)).toHaveLength(1);
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => outcome(remove(userId))));
  expect(outcomes.toSorted()).toEqual([...Array.from({ length: 4 }, () => 'FailedPrecondition SECRET_ABSENT'), 'ok']);
});

test('machines that may not act have secrets too', async () => {
  const [inactive, locked] = [await createMachine(server), await createMachine(server)];
  await server.as().users.deactivateUser({ userId: inactive });
  await server.as().users.lockUser({ userId: locked });
  for (const userId of [inactive, locked]) expect(await both(server.as(), userId)).toEqual(['ok', 'ok']);
});

test('a secret is for machines, given by those with user.write who have all rights of the machine', async () => {
  const organizationId = await createOrganization(server);
  const as = (role: string) => createManager(server, [role], organizationId);
  const [owner, manager, viewer] = [await as('ORG_OWNER'), await as('ORG_USER_MANAGER'), await as('ORG_OWNER_VIEWER')];
  const [machine, human] = [await createMachine(server, { organizationId }), await createHuman(server, { organizationId })];
  const instanceOwner = await createMachine(server, { organizationId });
  await grant(server, instanceOwner, ['IAM_OWNER']);
  const stranger = await createStranger(server);
  const twice = (told: string) => [told, told];
  const [hidden, denied, higher] = [
    'NotFound USER_NOT_FOUND',
    'PermissionDenied PERMISSION_DENIED',
    'PermissionDenied HIGHER_RIGHTS',
  ];
  expect(await both(manager, machine)).toEqual(['ok', 'ok']);
  expect(await both(manager, manager.id)).toEqual(['ok', 'ok']);
  expect(await both(server.as(), human)).toEqual(twice('FailedPrecondition USER_NOT_MACHINE'));
  expect(await both(server.as(), '404')).toEqual(twice('FailedPrecondition USER_UNKNOWN'));
  expect(await both(manager, '404')).toEqual(twice(hidden));
  expect(await both(manager, await createMachine(server))).toEqual(twice(hidden));
  expect(await both(viewer, machine)).toEqual(twice(denied));
  expect(await both(stranger, stranger.id)).toEqual(twice(denied));
  expect(await both(manager, owner.id)).toEqual(twice(higher));
  expect(await both(owner, instanceOwner)).toEqual(twice(higher));
  expect(await both(await createInstanceManager(server, ['IAM_USER_MANAGER']), owner.id)).toEqual(twice(higher));
  expect(await both(server.as(''), machine)).toEqual(twice('Unauthenticated UNAUTHENTICATED'));
  expect(await both(server.as(), '')).toEqual(twice('InvalidArgument INVALID_REQUEST'));
});
