import { randomBytes } from 'node:crypto';
import postgres from 'postgres';
import { inject } from 'vitest';
import { databaseUrl, templateName } from './postgres.ts';

export interface TestDatabase {
  url: string;
  drop(): Promise<void>;
}

const insufficientPrivilege = '42501';

/** A database of its own, a copy of the migrated template. */
export async function createDatabase(): Promise<TestDatabase> {
  const serverUrl = inject('serverUrl');
  const name = `test_${randomBytes(6).toString('hex')}`;
  const admin = postgres(serverUrl, { max: 1, onnotice: () => {} });
  // Two files that start at once would both copy the template, which Postgres refuses while another one does.
  await admin`select pg_advisory_lock(42)`;
  await admin.unsafe(`create database ${name} template ${templateName}`);
  await admin.end();
  const drop = async () => {
    const last = postgres(serverUrl, { max: 1, onnotice: () => {} });
    await last.unsafe(`drop database if exists ${name} with (force)`).catch(async (error: unknown) => {
      // A vacuum of the server's own looks at it just now, which nobody may end by force: it gives way when asked.
      if (!(error instanceof postgres.PostgresError && error.code === insufficientPrivilege)) throw error;
      await last.unsafe(`drop database if exists ${name}`);
    });
    await last.end();
  };
  return { url: databaseUrl(serverUrl, name), drop };
}
