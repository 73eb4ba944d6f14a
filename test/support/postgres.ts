import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import postgres from 'postgres';
import type { TestProject } from 'vitest/node';
import { startEmbedded } from '../../src/kernel/db/embedded.ts';
import { migrate } from '../../src/kernel/db/migrate.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Of the database `postgres`, on the server that all test files share. */
    serverUrl: string;
  }
}

export const templateName = 'roster_template';

export function databaseUrl(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** One Postgres for the whole run, with a migrated database that every test file clones. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'roster-test-'));
  const log = pino({ level: 'silent' });
  const embedded = await startEmbedded({ dataDir, log });
  const serverUrl = databaseUrl(embedded.url, 'postgres');
  const sql = postgres(serverUrl, { max: 1, onnotice: () => {} });
  await sql`alter system set max_connections = 300`;
  await sql`alter system set fsync = off`;
  await sql`alter system set full_page_writes = off`;
  await sql`alter system set synchronous_commit = off`;
  await sql.unsafe(`create database ${templateName}`);
  await sql.end();
  await embedded.stop();
  const tuned = await startEmbedded({ dataDir, log });
  await migrate(databaseUrl(tuned.url, templateName), { log });
  provide('serverUrl', databaseUrl(tuned.url, 'postgres'));
  return async () => {
    await tuned.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
}
