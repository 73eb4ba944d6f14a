import { unlink } from 'node:fs/promises';
import { ImportMoved, type ImportObserver, importUsers, NotSetUp } from '../features/transfer/service.ts';
import { openSource, type Source } from '../features/transfer/source.ts';
import { operatorCall } from '../system.ts';
import { type Command, type Given, type Operator, Usage } from './command.ts';
import { type Entry, Report } from './importReport.ts';
import { Pace } from './pace.ts';
import { providersOf } from './providers.ts';

const defaultBatch = 1000;
/** Ids of a batch are locked one by one, and Postgres has room for some thousand locks. */
const largestBatch = 5000;

const help = [
  'take users in from a file with one JSON object a line (docs/import.md); nothing is sent to them. Fields:',
  'type (human, machine), userId, organizationId, username, state (active, inactive, locked), createdAt, metadata;',
  'of humans: givenName, familyName, nickName, displayName, preferredLanguage, gender, email, emailVerified, phone,',
  'phoneVerified, password or passwordHash, passwordChangeRequired, passwordChangedAt, totpSecret, idpLinks;',
  'of machines: name, description, accessTokenType. Stopped, the same command goes on where it was.',
].join(`\n${' '.repeat(26)}`);

export const userImport: Command = {
  name: 'user import',
  argument: 'FILE',
  help,
  options: {
    organization: { value: 'ID', help: "of lines that name none; the instance's first one when left out" },
    provider: { value: 'NAME=ID,…', help: 'ids here of the identity providers that links in the file name otherwise' },
    'dry-run': { help: 'do everything but write users' },
    report: { value: 'FILE', help: 'where refused lines are told; FILE.report.ndjson when left out' },
    verbose: { help: 'tell imported lines there as well, with the ids of their users' },
    batch: { value: 'N', help: `lines of one transaction, up to ${largestBatch}; ${defaultBatch} when left out` },
    again: { help: 'begin with the first line, though the file was imported before' },
  },
  run: runImport,
};

async function runImport({ open, tell, stop }: Operator, given: Given, path: string): Promise<number> {
  const options = {
    organizationId: given.organization,
    providers: providersOf(given.provider),
    batch: batchOf(given.batch),
    rehearsal: given['dry-run'] !== undefined,
    again: given.again !== undefined,
    stop,
  };
  const source = await sourceOf(path);
  const app = await open();
  const progress = new ImportProgress(source, given, tell);
  try {
    const { bytes, refused } = await importUsers(operatorCall(app), source, options, progress);
    return (await progress.end(bytes === source.size)) && refused === 0 ? 0 : 1;
  } catch (error) {
    if (error instanceof NotSetUp) throw new Usage('There is no organization yet: start the service once.');
    if (!(error instanceof ImportMoved)) throw error;
    tell('Stopped: another process imports this file now.');
    return 1;
  }
}

function batchOf(text: string | undefined): number {
  const batch = Number(text ?? defaultBatch);
  if (!Number.isInteger(batch) || batch < 1 || batch > largestBatch) throw new Usage(`--batch takes 1 to ${largestBatch}.`);
  return batch;
}

async function sourceOf(path: string): Promise<Source> {
  try {
    return await openSource(path);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new Usage(`${path} cannot be read: ${error.message}.`);
  }
}

type Observed<Method extends keyof ImportObserver> = Parameters<ImportObserver[Method]>;

/** Tells how an import goes: lines to the report, numbers to the terminal. */
class ImportProgress implements ImportObserver {
  readonly #source: Source;
  readonly #given: Given;
  readonly #tell: (line: string) => void;
  #report: Report | undefined;
  #pace: Pace | undefined;
  #before = 0;
  #now = { lines: 0, imported: 0, refused: 0 };

  constructor(source: Source, given: Given, tell: (line: string) => void) {
    this.#source = source;
    this.#given = given;
    this.#tell = tell;
  }

  async begins(progress: Observed<'begins'>[0]): Promise<void> {
    const { lines, bytes, imported, refused } = progress;
    const path = this.#given.report ?? `${this.#source.path}.report.ndjson`;
    this.#now = progress;
    this.#before = lines;
    this.#report = await Report.open(path, lines);
    if (this.#given['dry-run'] !== undefined) this.#tell('Dry run: no user is written.');
    if (lines > 0 && bytes < this.#source.size)
      this.#tell(`Goes on after line ${lines}: ${imported} imported, ${refused} refused before.`);
    this.#pace = new Pace(this.#tell, lines);
  }

  async judged(refusals: Observed<'judged'>[0], imported: Observed<'judged'>[1]): Promise<void> {
    const told: Entry[] = this.#given.verbose === undefined ? [...refusals] : [...refusals, ...imported];
    await this.#report?.write(told.sort((a, b) => a.line - b.line));
  }

  moved(progress: Observed<'moved'>[0]): void {
    this.#now = progress;
    this.#report?.commit();
    this.#pace?.tell(progress.lines, `${progress.refused} refused`);
  }

  /** Returns whether nothing is left to do. */
  async end(finished: boolean): Promise<boolean> {
    const { lines, imported, refused } = this.#now;
    const path = this.#report?.path ?? '';
    const says = await this.#report?.close();
    if (!says) await unlink(path);
    const rate = this.#pace?.rate(lines) ?? 0;
    const where = says ? `, see ${path}` : '';
    const rehearsed = this.#given['dry-run'] !== undefined;
    if (finished && lines === this.#before && lines > 0)
      this.#tell(`This file was imported before: ${imported} imported, ${refused} refused. --again begins anew.`);
    else if (rehearsed) this.#tell(`Dry run: ${imported} would be imported, ${refused} refused${where} (${rate} lines/s).`);
    else this.#tell(`${imported} imported, ${refused} refused${where} (${rate} lines/s).`);
    if (!finished) this.#tell(`Stopped after line ${lines}. The same command goes on there.`);
    return finished;
  }
}
