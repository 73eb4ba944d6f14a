// Nobody waits for the sweeper: a run is started by hand, at a time that the clock is set to.
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { batchRows, Sweeper } from '../../src/kernel/sweeping/sweeper.ts';
import { createHuman } from '../support/actors.ts';
import { createProvider } from '../support/providers.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let userId: string;

beforeAll(async () => {
  server = await startServer();
  userId = await createHuman(server);
});

const hour = 3_600_000;
const hoursAgo = (hours: number): Date => new Date(epoch.getTime() - hours * hour);
const run = () => new Sweeper(server.app).run();

async function leaveSession(id: string, { expiresAt, endedAt }: { expiresAt?: Date; endedAt?: Date }): Promise<void> {
  await server.sql`insert into sessions (id, creator_id, sequence, created_at, changed_at, expires_at, ended_at)
    values (${id}, 'somebody', 1, ${epoch}, ${epoch}, ${expiresAt ?? null}, ${endedAt ?? null})`;
}

const idsOf = async (rows: Promise<Record<string, string>[]>) => (await rows).map((row) => Object.values(row)[0]).sort();

describe('what nobody needs any more goes, and nothing else:', () => {
  test('sessions, a month after they expired or ended', async () => {
    const month = 30 * 24;
    await leaveSession('expired long ago', { expiresAt: hoursAgo(month + 1) });
    await leaveSession('expired', { expiresAt: hoursAgo(month - 1) });
    await leaveSession('ended long ago', { endedAt: hoursAgo(month + 1) });
    await leaveSession('ended', { endedAt: hoursAgo(month - 1) });
    await leaveSession('endless', {});
    await run();
    expect(await idsOf(server.sql`select id from sessions`)).toEqual(['ended', 'endless', 'expired']);
  });

  test('challenges, codes and registrations, a day after they expired', async () => {
    const { sql } = server;
    for (const [id, hours] of [
      ['old', 25],
      ['young', 23],
    ] as const) {
      await leaveSession(id, {});
      const expiry = hoursAgo(hours);
      await sql`insert into session_challenges (session_id, rp_id, challenge, user_verification, expires_at)
        values (${id}, 'example.com', ${Buffer.of(1)}, 'required', ${expiry})`;
      await sql`insert into session_codes (session_id, channel, hash, expires_at) values (${id}, 'email', ${Buffer.of(1)}, ${expiry})`;
    }
    for (const [kind, hours] of [
      ['passkey', 25],
      ['u2f', 23],
    ] as const) {
      await sql`insert into webauthn_registrations (user_id, kind, id, rp_id, challenge, expires_at)
        values (${userId}, ${kind}, ${kind}, 'example.com', ${Buffer.of(1)}, ${hoursAgo(hours)})`;
    }
    await run();
    expect(await idsOf(sql`select session_id from session_challenges`)).toEqual(['young']);
    expect(await idsOf(sql`select session_id from session_codes`)).toEqual(['young']);
    expect(await idsOf(sql`select id from webauthn_registrations`)).toEqual(['u2f']);
  });

  test('codes, but for those that can be sent again', async () => {
    const { sql } = server;
    for (const purpose of ['email', 'phone', 'invite', 'password', 'passkey']) {
      await sql`insert into codes (user_id, purpose, hash, expires_at, created_at)
        values (${userId}, ${purpose}, ${Buffer.of(1)}, ${hoursAgo(25)}, ${epoch})`;
    }
    await run();
    expect(await idsOf(sql`select purpose from codes`)).toEqual(['email', 'invite', 'phone']);
  });

  test('sign-ins at identity providers, a day after they expired', async () => {
    const { sql } = server;
    const providerId = await createProvider(server);
    for (const [id, hours] of [
      ['old', 25],
      ['young', 23],
    ] as const) {
      await sql`insert into intents
          (id, provider_id, creator_id, state, success_url, failure_url, expected, sequence, created_at, changed_at, expires_at)
        values (${id}, ${providerId}, 'somebody', 'succeeded', '', '', '', 1, ${epoch}, ${epoch}, ${hoursAgo(hours)})`;
    }
    await run();
    expect(await idsOf(sql`select id from intents`)).toEqual(['young']);
  });

  test('wrong tries after a day, given-up messages after a week', async () => {
    const { sql } = server;
    for (const [id, hours] of [
      ['old', 25],
      ['young', 23],
    ] as const) {
      await sql`insert into guesses (user_id, kind, failures, last_at) values (${id}, 'code', 9, ${hoursAgo(hours)})`;
    }
    for (const [kind, hours] of [
      ['old', 8 * 24],
      ['young', 6 * 24],
    ] as const) {
      await sql`insert into outbox (kind, message, created_at, expires_at, dead_at)
        values (${kind}, ${Buffer.of(1)}, ${epoch}, ${hoursAgo(hours)}, ${hoursAgo(hours)})`;
    }
    await run();
    expect(await idsOf(sql`select user_id from guesses where kind = 'code'`)).toEqual(['young']);
    expect(await idsOf(sql`select kind from outbox where dead_at is not null`)).toEqual(['young']);
  });
});

test('more than one statement takes goes as well, but for what somebody holds at the moment', async () => {
  const { sql } = server;
  const old = hoursAgo(31 * 24);
  await sql`insert into sessions (id, creator_id, sequence, created_at, changed_at, expires_at)
    select 'many-' || n, 'somebody', 1, ${old}, ${old}, ${old} from generate_series(1, ${batchRows * 2 + 1}) n`;
  await sql.begin(async (holding) => {
    await holding`select 1 from sessions where id = 'many-7' for update`;
    await run();
    expect(await idsOf(sql`select id from sessions where id like 'many-%'`)).toEqual(['many-7']);
  });
  await run();
  expect(await idsOf(sql`select id from sessions where id like 'many-%'`)).toEqual([]);
});

test('a stop ends a run between two statements', async () => {
  const { sql } = server;
  const old = hoursAgo(31 * 24);
  await sql`insert into sessions (id, creator_id, sequence, created_at, changed_at, expires_at)
    select 'left-' || n, 'somebody', 1, ${old}, ${old}, ${old} from generate_series(1, ${batchRows * 3}) n`;
  const sweeper = new Sweeper(server.app);
  const running = sweeper.run();
  await sweeper.stop();
  await running;
  const [row] = await sql<{ left: number }[]>`select count(*)::int as left from sessions where id like 'left-%'`;
  expect(row?.left).toBeGreaterThanOrEqual(batchRows * 2);
});

test('it begins by itself some time after the start, and goes on until it is stopped', async () => {
  await leaveSession('left over', { expiresAt: hoursAgo(31 * 24) });
  const sweeper = new Sweeper(server.app);
  sweeper.start(0);
  await vi.waitFor(async () => expect(await idsOf(server.sql`select id from sessions where id = 'left over'`)).toEqual([]));
  await sweeper.stop();
});

test('what grows with every sign-in is found by an index', async () => {
  const firsts = await idsOf(server.sql`
    select t.relname || '.' || a.attname from pg_index i
    join pg_class t on t.oid = i.indrelid join pg_attribute a on a.attrelid = t.oid and a.attnum = i.indkey[0]`);
  const grown = [
    'sessions.expires_at',
    'sessions.ended_at',
    'session_challenges.expires_at',
    'session_codes.expires_at',
    'intents.expires_at',
  ];
  expect(grown.filter((column) => !firsts.includes(column))).toEqual([]);
});
