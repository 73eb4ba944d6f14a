// Signing people in: how many a second beside what their hashes cost alone; what a call with a session's token costs beside
// one with a personal access token; and what reading feels of the clean-up of expired sessions.
import { setTimeout as sleep } from 'node:timers/promises';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import postgres from 'postgres';
import {
  CreateSessionRequestSchema,
  CreateSessionResponseSchema,
  SessionService,
} from '../gen/zitadel/session/v2/session_service_pb.ts';
import { UserService } from '../gen/zitadel/user/v2/user_service_pb.ts';
import { startEmbedded } from '../src/kernel/db/embedded.ts';
import { createLogger } from '../src/kernel/logger.ts';
import { firstMs } from '../src/kernel/sweeping/sweeper.ts';
import { sessionDays } from '../src/kernel/sweeping/sweeps.ts';
import { type Asked, framed, overGrpc } from './calls.ts';
import type { Case } from './cases.ts';
import { createdPrefix } from './load.ts';
import { compare, type Sample, slice } from './measure.ts';
import { createPeople, mean, type Parameters, passwordOf, rawPairs } from './passwords.ts';
import { startService, type Target } from './service.ts';

export interface Sessions {
  /** Sign-ins, and hashes without anything else. */
  signIns: Rate;
  hashes: Rate;
  /** GetUserByID by a session's token, beside the same by a personal access token. */
  bySession: [Sample, Sample];
  /** GetSession, beside GetUserByID, both by a personal access token. */
  getSession: [Sample, Sample];
}

/** How many a second; milliseconds of CPU of each, in the process that does it, and in Postgres. */
interface Rate {
  perSecond: number;
  cpuMs: number;
  postgresMs: number;
}

const callers = 64;
const rounds = 3;

export async function measureSessions(target: Target, { users, organizationId, run, seconds }: Parameters): Promise<Sessions> {
  const ids = Array.from({ length: callers }, (_, n) => `${createdPrefix}${run}-session-${n}`);
  await createPeople(target, organizationId, ids);
  const path = pathOf(SessionService.method.createSession);
  const signIn = overGrpc({ path, request: (n) => signInOf(ids[n % callers] ?? '') });
  const signIns: Rate[] = [];
  const hashes: Rate[] = [];
  // Not counted: V8 is compiling meanwhile.
  await slice({ target, users, of: signIn }, callers, seconds);
  for (let round = 0; round < rounds; round++) {
    const { requests, seconds: took, cpu } = await slice({ target, users, of: signIn }, callers, seconds);
    signIns.push({ perSecond: requests / took, cpuMs: cpu.server / requests, postgresMs: cpu.postgres / requests });
    const pairs = await rawPairs(seconds);
    hashes.push({ perSecond: 2 * pairs.perSecond, cpuMs: pairs.cpuMs / 2, postgresMs: 0 });
  }
  const caller = signIn.open(target, 1);
  const answer = await caller.call(0, true);
  caller.close();
  const { sessionId, sessionToken } = fromBinary(CreateSessionResponseSchema, answer);
  const [userId = ''] = ids;
  const reading = callOf(UserService.method.getUserByID, { userId });
  const person = { ...target, headers: { authorization: `Bearer ${sessionToken}` } };
  const beside = (first: Target, of: Asked) =>
    compare(
      [
        { target: first, users, of },
        { target, users, of: reading },
      ],
      callers,
      seconds * 2,
    );
  return {
    signIns: meanOf(signIns),
    hashes: meanOf(hashes),
    bySession: await beside(person, reading),
    getSession: await beside(target, callOf(SessionService.method.getSession, { sessionId })),
  };
}

const meanOf = (rates: readonly Rate[]): Rate => ({
  perSecond: mean(rates.map(({ perSecond }) => perSecond)),
  cpuMs: mean(rates.map(({ cpuMs }) => cpuMs)),
  postgresMs: mean(rates.map(({ postgresMs }) => postgresMs)),
});

type Method =
  | typeof UserService.method.getUserByID
  | typeof SessionService.method.getSession
  | typeof SessionService.method.createSession;

const pathOf = ({ parent, name }: Method): string => `/${parent.typeName}/${name}`;

function callOf<M extends Method>(method: M, request: MessageInitShape<M['input']>): Asked {
  const body = framed(toBinary(method.input, create(method.input, request)));
  return overGrpc({ path: pathOf(method), request: () => body });
}

function signInOf(userId: string): Buffer {
  const checks = { user: { search: { case: 'userId', value: userId } }, password: { password: passwordOf(0) } } as const;
  return framed(toBinary(CreateSessionRequestSchema, create(CreateSessionRequestSchema, { checks })));
}

export interface Cleaning {
  /** Sessions that had expired, and those that were gone after the measurement. */
  expired: number;
  removed: number;
  /** GetUserByID before the clean-up and beside it. */
  idle: Sample;
  busy: Sample;
}

const readers = 4;

/** Reads before and during the first clean-up of a service that finds so many expired sessions. */
export async function measureCleaning(
  dataDir: string,
  expired: number,
  { users, seconds, reading }: { users: number; seconds: number; reading: Case },
): Promise<Cleaning> {
  await withDatabase(dataDir, async (sql) => {
    await sql`truncate sessions cascade`;
    await sql`insert into sessions (id, creator_id, token_hash, sequence, created_at, changed_at, expires_at)
      select 'expired-' || n, 'somebody', sha256(n::text::bytea), 1, now(), now(), now() - interval '1 day' * ${sessionDays + 1}
      from generate_series(1, ${expired}) n`;
    await sql`vacuum analyze sessions`;
  });
  const service = await startService({ dataDir });
  const started = performance.now();
  const work = { target: service, users, of: reading };
  await slice(work, readers, seconds);
  const idle = await slice(work, readers, seconds);
  await sleep(Math.max(0, firstMs - (performance.now() - started)));
  const busy = await slice(work, readers, seconds);
  await service.stop();
  const removed = await withDatabase(dataDir, async (sql) => {
    const [row] = await sql<{ left: number }[]>`select count(*)::int as left from sessions`;
    return expired - (row?.left ?? 0);
  });
  return { expired, removed, idle, busy };
}

async function withDatabase<T>(dataDir: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const embedded = await startEmbedded({ dataDir, log: createLogger('warn') });
  const sql = postgres(embedded.url, { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end();
    await embedded.stop();
  }
}
