// A database that lets nobody in any more: that is told as its absence, and not as a bug of ours.
import postgres from 'postgres';
import { expect, inject, test } from 'vitest';
import { isDatabaseAway } from '../../../src/kernel/db/failures.ts';
import { outcome } from '../../support/errors.ts';
import { startServer } from '../../support/server.ts';

/** What Postgres says to whoever connects with another part of its address. */
async function refusalOf(change: Partial<Pick<URL, 'username' | 'password' | 'pathname'>>): Promise<unknown> {
  const sql = postgres(Object.assign(new URL(inject('serverUrl')), change).href, { max: 1, onnotice: () => {} });
  const refusal = await sql`select 1`.catch((error: unknown) => error);
  await sql.end();
  return refusal;
}

test.each([{ password: 'another' }, { username: 'nobody' }, { pathname: '/nowhere' }])('with %o', async (change) => {
  expect(isDatabaseAway(await refusalOf(change))).toBe(true);
});

test('a database that is dropped under a running service', async () => {
  const server = await startServer();
  await server.sql.end();
  await server.database.drop();
  expect(await outcome(server.as().users.listUsers({}))).toBe('Unavailable UNAVAILABLE');
});
