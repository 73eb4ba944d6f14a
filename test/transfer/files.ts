// Files to import, and imports without a process of their own.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exportUsers } from '../../src/features/transfer/export.ts';
import type { Refusal } from '../../src/features/transfer/prepare.ts';
import type { UserRecord } from '../../src/features/transfer/record.ts';
import { type ImportedLine, type ImportOptions, importUsers } from '../../src/features/transfer/service.ts';
import { openSource } from '../../src/features/transfer/source.ts';
import { operatorCall } from '../../src/system.ts';
import { closeWithFile } from '../support/closing.ts';
import { scratch } from '../support/scratch.ts';
import type { TestServer } from '../support/server.ts';

/** A folder that lasts as long as the test file. */
export async function folder(): Promise<string> {
  const path = await mkdtemp(join(scratch, 'roster-transfer-'));
  closeWithFile(() => rm(path, { recursive: true, force: true }));
  return path;
}

export type Row = Record<string, unknown>;

/** A file of these lines: objects, or the bytes of the whole file. */
export async function fileOf(content: readonly Row[] | Buffer): Promise<string> {
  const path = join(await folder(), 'users.ndjson');
  await writeFile(path, Buffer.isBuffer(content) ? content : content.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
}

export const linesOf = async (path: string): Promise<Row[]> =>
  (await readFile(path, 'utf8'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Row => JSON.parse(line));

/** Imports a file, or its first batch, and tells what became of it. `between` runs when a batch was judged. */
export async function importFile(
  { app }: TestServer,
  path: string,
  {
    firstBatch = false,
    between,
    ...options
  }: Partial<ImportOptions> & { firstBatch?: boolean; between?: () => Promise<void> } = {},
) {
  const stop = new AbortController();
  const refusals: Refusal[] = [];
  const imported: ImportedLine[] = [];
  const defaults = {
    organizationId: undefined,
    providers: new Map(),
    batch: 1000,
    rehearsal: false,
    again: false,
    stop: stop.signal,
  };
  const observer = {
    begins: async () => {},
    judged: async (refused: readonly Refusal[], went: readonly ImportedLine[]) => {
      refusals.push(...refused);
      imported.push(...went);
      await between?.();
    },
    moved: () => firstBatch && stop.abort(),
  };
  const progress = await importUsers(operatorCall(app), await openSource(path), { ...defaults, ...options }, observer);
  return { progress, refusals, imported };
}

export const importRows = async (server: TestServer, content: readonly Row[] | Buffer, options: Partial<ImportOptions> = {}) =>
  importFile(server, await fileOf(content), options);

/** Everything about all users but the first owner. */
export async function allUsers({ app }: TestServer, organization?: string): Promise<UserRecord[]> {
  const found: UserRecord[] = [];
  const selection =
    organization === undefined ? ({ of: 'instance' } as const) : ({ of: 'organization', id: organization } as const);
  await exportUsers(operatorCall(app), { selection, metadata: true, secrets: true }, async (records) => {
    found.push(...records);
  });
  return found.filter(({ username }) => username !== 'admin');
}

let count = 0;

/** A person whom nobody has taken yet. */
export function person(more: Row = {}): Row {
  const name = `somebody${++count}`;
  return { userId: name, username: name, givenName: 'Some', familyName: 'Body', email: `${name}@example.net`, ...more };
}
