import fc from 'fast-check';
import postgres, { type Sql, type TransactionSql } from 'postgres';
import { beforeAll, expect, test } from 'vitest';
import { Type } from '../../gen/zitadel/user/v2/query_pb.ts';
import { UserState } from '../../gen/zitadel/user/v2/user_pb.ts';
import { createHuman, createMachine, createOrganization } from '../support/actors.ts';
import { closeWithFile } from '../support/closing.ts';
import { outcome } from '../support/errors.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
/** As many connections as transactions are open at once. */
let pool: Sql;

beforeAll(async () => {
  server = await startServer();
  pool = postgres(server.database.url, { max: 6, onnotice: () => {} });
  closeWithFile(() => pool.end());
});

/** The kept counts beside a count of the rows, by organization and of the whole instance. */
async function counts() {
  const kept = await server.sql`
    select organization_id, type, state, sum(total)::int as total from user_counts group by 1, 2, 3 having sum(total) <> 0
    union all select '', type, state, sum(total)::int from instance_user_counts group by 2, 3 having sum(total) <> 0 order by 1, 2, 3`;
  const counted = await server.sql`select coalesce(organization_id, '') as organization_id, type, state, count(*)::int as total
    from users group by grouping sets ((organization_id, type, state), (type, state)) order by 1, 2, 3`;
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
  expect(outcomes).toContain('ok');
  expect(outcomes.filter((told) => told.endsWith('USERNAME_TAKEN'))).toHaveLength(9);
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
  const listing = server.statements().find((statement) => statement.includes('instance_user_counts')) ?? '';
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

const kind = { organization: fc.nat(2), type: fc.constantFrom('human', 'machine'), state: fc.constantFrom('active', 'locked') };
const step = fc.oneof(
  fc.record({ do: fc.constant('insert' as const), many: fc.integer({ min: 1, max: 30 }), ...kind }),
  fc.record({ do: fc.constant('change' as const), oneIn: fc.integer({ min: 1, max: 4 }), ...kind }),
  fc.record({ do: fc.constant('delete' as const), oneIn: fc.integer({ min: 1, max: 4 }) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function take(tx: TransactionSql, to: Step, script: number, organizations: readonly string[]): Promise<void> {
  const own = tx`starts_with(id, ${`random-${script}-`})`;
  switch (to.do) {
    case 'insert':
      await tx`insert into users (id, organization_id, type, state, sequence, created_at, changed_at, username, username_key)
        select id, ${organizations[to.organization] ?? ''}, ${to.type}, ${to.state}, 1, now(), now(), id, id
        from (select ${`random-${script}-`} || gen_random_uuid() as id from generate_series(1, ${to.many}::int)) made`;
      break;
    case 'change':
      await tx`update users set organization_id = ${organizations[to.organization] ?? ''}, type = ${to.type}, state = ${to.state}
        where ${own} and hashtext(id) % ${to.oneIn}::int = 0`;
      break;
    case 'delete':
      await tx`delete from users where ${own} and hashtext(id) % ${to.oneIn}::int = 0`;
      break;
  }
}

test('are those of the rows, whatever several transactions did at the same time and whether they committed', async () => {
  const organizations = await Promise.all([1, 2, 3].map(() => createOrganization(server)));
  const undone = new Error('undone');
  const script = fc.record({ steps: fc.array(step, { minLength: 1, maxLength: 6 }), commits: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(script, { minLength: 2, maxLength: 6 }), async (scripts) => {
      const running = scripts.map(({ steps, commits }, number) =>
        pool.begin(async (tx) => {
          for (const one of steps) await take(tx, one, number, organizations);
          if (!commits) throw undone;
        }),
      );
      const failures = (await Promise.allSettled(running)).flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
      expect(failures.filter((error) => error !== undone)).toEqual([]);
      await expectTrueCounts();
    }),
    { numRuns: 25 },
  );
});

test('let nobody who creates users wait for another who does', async () => {
  const organization = await createOrganization(server);
  const create: Step = { do: 'insert', many: 1, organization: 0, type: 'human', state: 'active' };
  const nested = async (depth: number): Promise<void> => {
    if (depth === 0) return;
    await pool.begin(async (tx) => {
      await tx`set local lock_timeout = '5s'`;
      await take(tx, create, depth, [organization]);
      await nested(depth - 1);
    });
  };
  await nested(5);
  await nested(5);
  await expectTrueCounts();
  const rows = await server.sql`select from user_counts where organization_id = ${organization}`;
  expect(rows).toHaveLength(5);
});
