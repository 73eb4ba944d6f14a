import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import postgres from 'postgres';
import type { TestProject } from 'vitest/node';
import { startEmbedded } from '../../src/kernel/db/embedded.ts';
import { migrate } from '../../src/kernel/db/migrate.ts';
import { scratch } from './scratch.ts';

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

/** Room for every file's pools, and no care for a power cut. */
const settings = { max_connections: '300', fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' };

/** One Postgres for the whole run, with a migrated database that every test file clones. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const dataDir = await mkdtemp(join(scratch, 'roster-test-'));
  const log = pino({ level: 'silent' });
  const embedded = await startEmbedded({ dataDir, log, settings });
  const serverUrl = databaseUrl(embedded.url, 'postgres');
  const sql = postgres(serverUrl, { max: 1, onnotice: () => {} });
  await sql.unsafe(`create database ${templateName}`);
  await sql.end();
  await migrate(databaseUrl(serverUrl, templateName), { log });
  provide('serverUrl', serverUrl);
  return async () => {
    await embedded.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
}
