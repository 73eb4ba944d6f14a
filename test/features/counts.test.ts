import { beforeAll, expect, test } from 'vitest';
import { Type } from '../../gen/zitadel/user/v2/query_pb.ts';
import { UserState } from '../../gen/zitadel/user/v2/user_pb.ts';
import { createHuman, createMachine, createOrganization } from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});

/** The kept counts beside a count of the rows. */
async function counts() {
  const kept = await server.sql`select organization_id, type, state, sum(total)::int as total from user_counts
    group by 1, 2, 3 having sum(total) <> 0 order by 1, 2, 3`;
  const counted = await server.sql`select organization_id, type, state, count(*)::int as total from users
    group by 1, 2, 3 order by 1, 2, 3`;
  return { kept: [...kept], counted: [...counted] };
}

async function expectTrueCounts() {
  const { kept, counted } = await counts();
  expect(kept).toEqual(counted);
}

test('begin with those of the first start', expectTrueCounts);

test('follow whatever happens to users, many at once, refused or not', async () => {
  const organizationId = await createOrganization(server);
  const { users } = server.as();
  const ids = await Promise.all(
    Array.from({ length: 40 }, (_, i) => (i % 4 ? createHuman : createMachine)(server, i % 3 ? { organizationId } : {})),
  );
  await expectTrueCounts();
  const outcomes = await Promise.all([
    ...ids.slice(0, 10).map((userId) => outcome(users.lockUser({ userId }))),
    ...ids.slice(5, 15).map((userId) => outcome(users.deactivateUser({ userId }))),
    ...ids.slice(12, 25).map((userId) => outcome(users.deleteUser({ userId }))),
    ...ids.slice(20, 30).map(() => outcome(createHuman(server, { username: 'the-same-for-all' }))),
  ]);
  expect(new Set(outcomes).size).toBeGreaterThan(2);
  await expectTrueCounts();
});

test('are what a list tells when it is asked for nothing else', async () => {
  const { users } = server.as();
  server.statements();
  const { details } = await users.listUsers({
    queries: [
      { query: { case: 'typeQuery', value: { type: Type.HUMAN } } },
      { query: { case: 'stateQuery', value: { state: UserState.ACTIVE } } },
    ],
  });
  const [row] = await server.sql<{ total: number }[]>`
    select count(*)::int as total from users where type = 'human' and state = 'active'`;
  expect(Number(details?.totalResult)).toBe(row?.total);
  const listing = server.statements().find((statement) => statement.includes('user_counts')) ?? '';
  expect(listing).not.toContain('count(*)');
});

test('a rolled-back insert leaves none behind', async () => {
  const before = await counts();
  const { sql } = server;
  await sql
    .begin(async (tx) => {
      await tx`insert into users (id, organization_id, type, state, sequence, created_at, changed_at, username, username_key)
        select 'gone-' || n, organization_id, type, state, 1, created_at, changed_at, 'gone-' || n, 'gone-' || n
        from users, generate_series(1, 5) n where username = 'admin'`;
      throw new Error('on purpose');
    })
    .catch(() => {});
  expect(await counts()).toEqual(before);
});
