// The database work of a call alone, in a process of its own, on the Postgres of a running service.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { clusterUrl } from '../src/kernel/db/embedded/cluster.ts';
import type { Cpu, Target } from './service.ts';

export interface DatabaseWork {
  work: 'get' | 'page' | 'create';
  dataDir: string;
  users: number;
  callers: number;
  seconds: number;
  /** The message that "page" encodes, and how. */
  page?: Buffer | undefined;
  form?: 'binary' | 'json';
}

/** Milliseconds of CPU of one: of the process and of Postgres. */
export async function databaseWork(target: Target, of: DatabaseWork): Promise<Cpu> {
  const { work, dataDir, users, callers, seconds, page = Buffer.alloc(0), form = 'binary' } = of;
  const port = Number(readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[3]);
  const url = clusterUrl(port, readFileSync(join(dataDir, 'postgres.password'), 'utf8').trim());
  const before = target.cpu().postgres;
  const args = [join(import.meta.dirname, 'bareDatabase.ts'), work, url, callers, seconds, users, form].map(String);
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(page);
  const measured: { count: number; warmUp: number; cpuMs: number } = JSON.parse(await text(child.stdout));
  const postgres = (target.cpu().postgres - before) / (measured.count + measured.warmUp);
  return { server: measured.cpuMs / measured.count, postgres };
}

export const meanCpu = (all: readonly Cpu[]): Cpu => ({
  server: all.reduce((sum, { server }) => sum + server, 0) / all.length,
  postgres: all.reduce((sum, { postgres }) => sum + postgres, 0) / all.length,
});
