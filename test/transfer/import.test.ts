// How an import goes: rehearsed, stopped, killed, beside others. Each line becomes its user exactly once.
import { execFile } from 'node:child_process';
import { access, readFile, writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { TransactionSql } from 'postgres';
import { beforeAll, expect, test } from 'vitest';
import { ImportMoved } from '../../src/features/transfer/service.ts';
import { hashPassword } from '../../src/kernel/crypto/hashes/hashes.ts';
import { acceptedVectors } from '../kernel/hashVectors.ts';
import { createHuman, createOrganization, readHuman, unique } from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { createProvider } from '../support/providers.ts';
import { roster, rosterHere, startCommand } from '../support/roster.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { fileOf, importFile, importRows, linesOf, person, type Row } from './files.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});

const people = (count: number): Row[] => Array.from({ length: count }, () => person());

/** Rows of every table that an import writes to. */
async function rowCounts() {
  const [counts] = await server.sql`select (select count(*) from users) as users, (select count(*) from user_events) as events,
    (select count(*) from user_metadata) as metadata, (select count(*) from user_passwords) as passwords,
    (select count(*) from totps) as totps, (select count(*) from imports) as imports, (select count(*) from outbox) as outbox,
    (select count(*) from codes) as codes, (select count(*) from guesses) as guesses, (select sum(total) from user_counts) as counted`;
  return counts;
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** Waits for something to become true in the database. */
async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await setTimeout(10);
}

const countOf = async (rows: readonly Row[]) => {
  const ids = rows.map(({ userId }) => String(userId));
  const [row] = await server.sql<{ count: number }[]>`select count(*)::int from users where id = any(${ids})`;
  return row?.count ?? 0;
};

test('what a line says is what the service serves; nothing is sent, no code is made and no try counted', async () => {
  const before = await rowCounts();
  const row = person({
    ...{ nickName: 'Al', gender: 'female', state: 'locked', createdAt: '2020-02-03T04:05:06.789Z', preferredLanguage: 'de' },
    ...{ phone: '079 123 45 67', password: 'Correct-Horse-7', passwordChangeRequired: true, totpSecret: 'JBSWY3DPEHPK3PXP' },
  });
  await importRows(server, [row, person({ password: 'short' }), { ...row, username: 'refused' }]);
  const read = await readHuman(server, String(row.userId));
  expect(read).toMatchObject({
    ...{ username: row.username, state: 4, passwordChangeRequired: true },
    profile: {
      givenName: 'Some',
      familyName: 'Body',
      nickName: 'Al',
      displayName: 'Some Body',
      preferredLanguage: 'de',
      gender: 1,
    },
    email: { email: row.email, isVerified: false },
    phone: { phone: '+41791234567', isVerified: false },
  });
  expect(new Date(Number(read.details.creationDate?.seconds) * 1000).toISOString()).toBe('2020-02-03T04:05:06.000Z');
  const { outbox, codes, guesses } = (await rowCounts()) ?? {};
  expect({ outbox, codes, guesses }).toEqual({ outbox: before?.outbox, codes: before?.codes, guesses: before?.guesses });
  const { sql } = server;
  const [totp] = await sql`select secret, ready from totps where user_id = ${String(row.userId)}`;
  expect(totp?.ready).toBe(true);
  expect(Buffer.from(totp?.secret).toString('latin1')).not.toContain('JBSWY3DP');
  expect(await changeBy(row.userId, 'Correct-Horse-7')).toBe('ok');
});

/** Changes a password by the current one. */
const changeBy = (userId: unknown, current: string) => {
  const verification = { case: 'currentPassword', value: current } as const;
  const password = { passwordType: { case: 'password', value: { password: 'Another-Horse-7' } }, verification } as const;
  return outcome(server.as().users.updateUser({ userId: String(userId), userType: { case: 'human', value: { password } } }));
};

test('passwords of Firebase, whose hashes are longer than those of calls may be', async () => {
  const vectors = acceptedVectors.filter(({ encoded }) => encoded.startsWith('$firescrypt$'));
  expect(Math.max(...vectors.map(({ encoded }) => encoded.length))).toBeGreaterThan(200);
  const rows = vectors.map(({ encoded }) => person({ passwordHash: encoded }));
  expect((await importRows(server, rows)).refusals).toEqual([]);
  for (const [at, { password }] of vectors.entries()) {
    expect(await changeBy(rows[at]?.userId, 'wrong')).toBe('InvalidArgument PASSWORD_WRONG');
    expect(await changeBy(rows[at]?.userId, password)).toBe('ok');
  }
});

test('a rehearsal finds what the import finds, across batches too, and writes nothing', async () => {
  const [one, two, three, four] = people(4);
  const idpId = await createProvider(server);
  const linked = (account: string) => person({ idpLinks: [{ idpId, userId: account, userName: 'x' }] });
  const rows = [
    one,
    { ...two, emailVerified: true },
    person({ userId: one?.userId }),
    person({ username: String(two?.username).toUpperCase() }),
    person({ username: two?.email }),
    { ...three, givenName: '' },
    person({ password: 'short' }),
    four,
    linked('Ada'),
    linked('aDA'),
  ].map((row) => row ?? {});
  const before = await rowCounts();
  const path = await fileOf(rows);
  const rehearsed = await importFile(server, path, { batch: 1, rehearsal: true });
  expect(await rowCounts()).toEqual(before);
  const real = await importFile(server, path, { batch: 1 });
  expect(rehearsed.refusals).toEqual(real.refusals);
  expect(rehearsed.refusals.map(({ line }) => line)).toEqual([3, 4, 5, 6, 7, 10]);
  expect(rehearsed.imported.map(({ line }) => line)).toEqual([1, 2, 8, 9]);
  expect(rehearsed.progress).toMatchObject({ lines: 10, imported: 4, refused: 6 });
});

test('a rehearsal keeps no transaction open and hashes no password, but holds it against the policy', async () => {
  const passwords = Array.from({ length: 40 }, (_, at) => `Correct-Horse-${at}`);
  const rows = [...passwords.map((password) => person({ password })), person({ password: 'short' })];
  // Whoever began it: what is open after two batches has lasted for one.
  const open: string[] = [];
  const between = async () => {
    const found = await server.sql`select pid || ' ' || xact_start as begun from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null`;
    open.push(...found.map(({ begun }) => String(begun)));
  };
  const path = await fileOf(rows);
  const begun = process.cpuUsage();
  const { refusals, imported } = await importFile(server, path, { batch: 10, rehearsal: true, between });
  const rehearsed = spent(begun);
  expect(refusals).toEqual([expect.objectContaining({ line: 41, reason: 'PASSWORD_TOO_SHORT' })]);
  expect(imported).toHaveLength(40);
  expect(open).toHaveLength(new Set(open).size);
  const hashing = process.cpuUsage();
  for (const password of passwords) await hashPassword(password);
  expect(rehearsed).toBeLessThan(spent(hashing) / 2);
});

/** Processor time, whatever else the machine does. */
function spent(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return user + system;
}

test('a rehearsal of many lines finds what each of them took', async () => {
  const rows = people(5000);
  const path = await fileOf([
    ...rows,
    ...rows.map(({ userId }) => person({ userId })),
    ...rows.map(({ username }) => person({ username })),
  ]);
  const { refusals, imported } = await importFile(server, path, { batch: 500, rehearsal: true });
  expect(imported.map(({ line }) => line)).toEqual(rows.map((_, at) => at + 1));
  const reasons = refusals.map(({ reason }) => reason);
  expect(reasons.slice(0, 5000).every((reason) => reason === 'USER_ID_TAKEN')).toBe(true);
  expect(reasons.slice(5000).every((reason) => reason === 'USERNAME_TAKEN')).toBe(true);
});

test('a stopped import goes on behind its last batch; a finished one does nothing, unless told to begin anew', async () => {
  const rows = people(10);
  rows[4] = person({ givenName: '' });
  const path = await fileOf(rows);
  const first = await importFile(server, path, { batch: 3, firstBatch: true });
  expect(first.progress.lines).toBe(3);
  const second = await importFile(server, path, { batch: 3 });
  expect([...first.imported, ...second.imported].map(({ line }) => line)).toEqual([1, 2, 3, 4, 6, 7, 8, 9, 10]);
  expect(second.progress).toMatchObject({ lines: 10, imported: 9, refused: 1 });
  const third = await importFile(server, path);
  expect(third).toEqual({
    progress: expect.objectContaining({ lines: 10, imported: 9, refused: 1 }),
    refusals: [],
    imported: [],
  });
  const again = await importFile(server, path, { again: true });
  expect(again.refusals.map(({ reason }) => reason)).toEqual(
    rows.map((_, at) => (at === 4 ? 'INVALID_REQUEST' : 'USER_ID_TAKEN')),
  );
});

test('two imports of one file at once: one of them stops', async () => {
  const rows = people(200);
  const path = await fileOf(rows);
  const both = await Promise.allSettled([importFile(server, path, { batch: 10 }), importFile(server, path, { batch: 10 })]);
  const failed = both.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  expect(failed).toEqual([expect.any(ImportMoved)]);
  expect(await countOf(rows)).toBe(200);
});

interface Theft {
  rows: Row[];
  /** Takes what the second row needs. */
  take: (sql: TransactionSql) => Promise<unknown>;
  reason: string;
}

test('links name providers as the old system does, where the command says what they are here', async () => {
  const [google, own] = [await createProvider(server), await createProvider(server)];
  const link = (idpId: string, userId: string) => ({ idpId, userId, userName: 'x' });
  const userId = unique('linked');
  const path = await fileOf([
    person({ userId, idpLinks: [link('old-google', 'A'), link('old-hub', 'B'), link(own, 'C')] }),
    person({ idpLinks: [link('unknown', 'A')] }),
  ]);
  const provider = ['--provider', `old-google=${google},old-hub=${google}`];
  expect((await rosterHere(server, ['user', 'import', path, ...provider])).code).toBe(1);
  const { result } = await server.as().users.listIDPLinks({ userId });
  expect(Object.fromEntries(result.map((each) => [each.userId, each.idpId]))).toEqual({ A: google, B: google, C: own });
  expect(await readFile(`${path}.report.ndjson`, 'utf8')).toContain('"reason":"PROVIDER_UNKNOWN"');
  const wrong = await rosterHere(server, ['user', 'import', path, '--provider', 'old-google']);
  expect(wrong).toEqual({ code: 2, said: 'Not done. --provider old-google: write NAME=ID, several with commas.' });
});

async function theftOfName(): Promise<Theft> {
  const rows = people(3);
  const taken = String(rows[1]?.username);
  const thief = await createHuman(server);
  const take = (sql: TransactionSql) => sql`update users set username = ${taken}, username_key = ${taken} where id = ${thief}`;
  return { rows, take, reason: 'USERNAME_TAKEN' };
}

async function theftOfAccount(): Promise<Theft> {
  const idpId = await createProvider(server);
  const rows = people(3).map((row, at) => ({ ...row, idpLinks: [{ idpId, userId: `Account${at}`, userName: 'x' }] }));
  const thief = await createHuman(server);
  const take = (sql: TransactionSql) =>
    sql`insert into provider_links values (${idpId}, 'ACCOUNT1', 'account1', ${thief}, 'x', now())`;
  return { rows, take, reason: 'LINK_EXISTS' };
}

test.each([
  ['a name', theftOfName],
  ['an account at a provider', theftOfAccount],
])('%s that somebody takes while its line goes in is refused, and no other line', async (_, prepare) => {
  const { rows, take, reason } = await prepare();
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const stealing = server.sql.begin(async (sql) => {
    await take(sql);
    await finished;
  });
  const importing = importRows(server, rows);
  const waits = server.sql`select 1 from pg_locks where not granted and locktype = 'transactionid'`;
  await until(async () => (await server.sql`${waits}`).length > 0);
  finish();
  await stealing;
  const { refusals, imported } = await importing;
  expect(refusals).toEqual([expect.objectContaining({ line: 2, reason })]);
  expect(imported.map(({ line }) => line)).toEqual([1, 3]);
});

test('lines that name no organization go into the one that is named for them', async () => {
  const organizationId = await createOrganization(server);
  const other = await createOrganization(server);
  const [one, two] = [person(), person({ organizationId: other })];
  await importRows(server, [one, two], { organizationId });
  const places =
    await server.sql`select organization_id as at from users where id in (${String(one.userId)}, ${String(two.userId)})
    order by created_at, id`;
  expect(places.map(({ at }) => at)).toEqual([organizationId, other]);
});

test('killed in the middle, the same command goes on, and its report is that of one run', async () => {
  const rows = people(3000).map((row, at) => (at % 10 === 3 ? { ...row, givenName: '' } : row));
  const path = await fileOf(rows);
  const child = startCommand(server, ['user', 'import', path, '--batch', '20']);
  await until(async () => (await countOf(rows)) > 100);
  child.process.kill('SIGKILL');
  await child.exited;
  const before = await countOf(rows);
  expect(before).toBeLessThan(2700);
  const { code, said } = await roster(server, 'user', 'import', path);
  expect(said).toMatch(/Goes on after line \d+: \d+ imported, \d+ refused before\./);
  expect(said).toMatch(/2700 imported, 300 refused, see .*report\.ndjson/);
  expect(code).toBe(1);
  expect(await countOf(rows)).toBe(2700);
  const told = await linesOf(`${path}.report.ndjson`);
  expect(told.map(({ line }) => line)).toEqual(rows.flatMap(({ givenName }, at) => (givenName === '' ? [at + 1] : [])));
  expect(told[0]).toEqual({
    ...{ line: 4, reason: 'INVALID_REQUEST', field: 'givenName' },
    message: 'The line breaks a rule: givenName: must be 1 to 200 characters long.',
  });
});

test('the command of docs/import.md cuts out the lines that were refused: corrected, they are a file of their own', async () => {
  const rows = people(30).map(
    (row, at): Row => (at % 10 === 3 ? { ...row, givenName: '' } : { ...row, username: `,"reason":"${at}` }),
  );
  const path = await fileOf(rows);
  expect((await rosterHere(server, ['user', 'import', path, '--verbose'])).code).toBe(1);
  const documented = /^awk .*$/m.exec(await readFile(new URL('../../docs/import.md', import.meta.url), 'utf8'))?.[0] ?? '';
  const command = documented.replaceAll('people.ndjson', path).replace('refused.ndjson', `${path}.refused`);
  await promisify(execFile)('sh', ['-c', command]);
  expect(await linesOf(`${path}.refused`)).toEqual(rows.filter(({ givenName }) => givenName === ''));
  await writeFile(
    `${path}.refused`,
    (await readFile(`${path}.refused`, 'utf8')).replaceAll('"givenName":""', '"givenName":"Ada"'),
  );
  expect((await rosterHere(server, ['user', 'import', `${path}.refused`])).code).toBe(0);
  expect(await countOf(rows)).toBe(30);
});

test('a report goes on behind what is true of it: nothing of a batch that was never committed', async () => {
  const rows = people(6).map((row, at) => (at === 1 || at === 4 ? { ...row, givenName: '' } : row));
  const path = await fileOf(rows);
  expect((await importFile(server, path, { batch: 3, firstBatch: true })).progress.lines).toBe(3);
  const committed = '{"line":2,"reason":"INVALID_REQUEST"}\n';
  await writeFile(`${path}.report.ndjson`, `${committed}{"line":4,"reason":"USERNAME_TAKEN"}\n{"line":5,"rea`);
  expect((await rosterHere(server, ['user', 'import', path])).code).toBe(1);
  const told = await linesOf(`${path}.report.ndjson`);
  expect(told).toEqual([{ line: 2, reason: 'INVALID_REQUEST' }, expect.objectContaining({ line: 5, reason: 'INVALID_REQUEST' })]);
});

test('the command tells what it did, by words and by its exit code', async () => {
  const path = await fileOf([{ ...person(), userId: undefined }, person()]);
  const rehearsed = await rosterHere(server, ['user', 'import', path, '--dry-run']);
  expect(rehearsed).toEqual({ code: 0, said: expect.stringMatching(/Dry run: 2 would be imported, 0 refused/) });
  expect(await exists(`${path}.report.ndjson`)).toBe(false);
  const { code, said } = await rosterHere(server, ['user', 'import', path, '--verbose']);
  expect({ code, said }).toEqual({ code: 0, said: expect.stringMatching(/^2 imported, 0 refused, see .* \(\d+ lines\/s\)\.$/) });
  expect(await linesOf(`${path}.report.ndjson`)).toEqual([
    { line: 1, userId: expect.stringMatching(/^\d{18}$/), username: expect.any(String) },
    { line: 2, userId: expect.any(String), username: expect.any(String) },
  ]);
  const twice = await rosterHere(server, ['user', 'import', path]);
  expect(twice).toEqual({ code: 0, said: expect.stringMatching(/^This file was imported before: 2 imported, 0 refused\./) });
  for (const args of [[`${path}.none`], [path, '--batch', '0'], []])
    expect(await rosterHere(server, ['user', 'import', ...args])).toEqual({
      code: 2,
      said: expect.stringMatching(/^Not done\. /),
    });
});
