// Owns: users by the file, in and out: batches, progress, rehearsals. Leaves what a user must be to the features that a
// single call asks, what a line looks like to record.ts and docs/import.md.
import { type Call, type Tx, transaction } from '../../kernel/call.ts';
import { violatedConstraint } from '../../kernel/db/failures.ts';
import { Earlier } from './earlier.ts';
import { type Admitted, type Judged, judge } from './judge.ts';
import type { Line } from './lines.ts';
import { type Prepared, prepare, type Refusal } from './prepare.ts';
import type { Providers } from './record.ts';
import {
  findFirstOrganization,
  findProgress,
  forgetProgress,
  insertRows,
  moveProgress,
  type NewRows,
  type Progress,
} from './repository.ts';
import { makeRows, rowsOf } from './rows.ts';
import { batchesIn, type Source } from './source.ts';

export interface ImportOptions {
  /** For lines that name none; the instance's first one when undefined. */
  organizationId: string | undefined;
  providers: Providers;
  /** Lines of a transaction. */
  batch: number;
  /** Does everything but write. */
  rehearsal: boolean;
  /** Begins with the first line, whatever became of this file before. */
  again: boolean;
  /** Ends the import after the running batch; the same one later goes on there. */
  stop: AbortSignal;
}

/** What an import tells while it runs. */
export interface ImportObserver {
  /** Where it begins: after what an earlier run of the same file did. */
  begins(progress: Progress): Promise<void>;
  /** Before a batch is committed: what became of its lines. */
  judged(refusals: readonly Refusal[], imported: readonly ImportedLine[]): Promise<void>;
  /** After a batch was committed. */
  moved(progress: Progress): void;
}

export interface ImportedLine {
  line: number;
  userId: string;
  username: string;
}

/** Somebody else imports the same file now. */
export class ImportMoved extends Error {
  override name = 'ImportMoved';
}

/** There is no organization yet that users could be of. */
export class NotSetUp extends Error {
  override name = 'NotSetUp';
}

/** Returns how far it came: to the end of the file, unless it was stopped. */
export async function importUsers(
  call: Call,
  source: Source,
  options: ImportOptions,
  observer: ImportObserver,
): Promise<Progress> {
  const organizationId = options.organizationId ?? (await findFirstOrganization(call.db));
  if (organizationId === undefined) throw new NotSetUp();
  const file = source.hash;
  if (options.again && !options.rehearsal) await transaction(call, (tx) => forgetProgress(tx, file));
  const fresh: Progress = { file, lines: 0, bytes: 0, imported: 0, refused: 0, changedAt: call.now };
  const start = (options.again ? undefined : await findProgress(call.db, file)) ?? fresh;
  await observer.begins(start);
  const batches = batchesIn(source, start, options.batch);
  const { providers, rehearsal, stop } = options;
  const run: Run = { call, organizationId, providers, rehearsal, observer, batches, stop };
  return forEachBatch(run, start, rehearsal ? rehearsing(new Earlier()) : store);
}

interface Run {
  call: Call;
  organizationId: string;
  providers: Providers;
  rehearsal: boolean;
  observer: ImportObserver;
  batches: AsyncGenerator<Line[]>;
  stop: AbortSignal;
}

/** A batch that is ready for the database. */
interface Batch extends Prepared {
  call: Call;
  /** Its last line. */
  last: Line;
  /** What its candidates consist of, made while the batch before it is written; none in a rehearsal. */
  rows: Map<number, NewRows>;
}

type Take = (run: Run, batch: Batch, progress: Progress) => Promise<Progress>;

/** Prepares each batch while the one before it is taken. */
async function forEachBatch(run: Run, start: Progress, take: Take): Promise<Progress> {
  let progress = start;
  let batch = await next(run);
  while (batch && !run.stop.aborted) {
    const [moved, following] = await Promise.all([take(run, batch, progress), next(run)]);
    progress = moved;
    batch = following;
    run.observer.moved(progress);
  }
  await run.batches.return(undefined);
  return progress;
}

async function next({ call, batches, ...run }: Run): Promise<Batch | undefined> {
  const { value: lines } = await batches.next();
  const last = lines?.at(-1);
  if (!lines || !last) return undefined;
  const now = { ...call, now: call.clock() };
  const prepared = await prepare(now, lines, run);
  const rows = run.rehearsal ? new Map<number, NewRows>() : await makeRows(now, prepared.candidates);
  return { ...prepared, call: now, last, rows };
}

/** A name or an account that somebody took in the middle of a batch is found taken when the batch is judged again. */
const tries = 5;
const takenMeanwhile = new Set(['users_username', 'users_pkey', 'provider_links_provider_id_external_key_pk']);

async function store({ observer }: Run, batch: Batch, progress: Progress): Promise<Progress> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await transaction(batch.call, (tx) => storeBatch(tx, batch, progress, observer));
    } catch (error) {
      if (!takenMeanwhile.has(violatedConstraint(error) ?? '') || attempt === tries) throw error;
    }
  }
}

async function storeBatch(tx: Tx, batch: Batch, progress: Progress, observer: ImportObserver): Promise<Progress> {
  const judged = await judge(tx, batch);
  const { admitted } = judged;
  const revived = admitted.filter(({ sequenceBefore }) => sequenceBefore > 0n).map(({ id }) => id);
  await insertRows(
    tx,
    admitted.map((each) => rowsFor(tx, batch, each)),
    revived,
  );
  const moved = progressAfter(batch, progress, judged);
  if (!(await moveProgress(tx, progress, moved))) throw new ImportMoved();
  await observer.judged(judged.refusals, admitted.map(importedLine));
  return moved;
}

const rowsFor = (tx: Tx, { rows }: Batch, admitted: Admitted): NewRows => {
  const made = admitted.sequenceBefore === 0n ? rows.get(admitted.line) : undefined;
  return made ?? rowsOf(tx, admitted, admitted.sequenceBefore);
};

/** One short transaction for each batch: nothing is held while a long file goes by. */
const rehearsing =
  (earlier: Earlier): Take =>
  async ({ observer }, batch, progress) => {
    const judged = await transaction(batch.call, (tx) => judge(tx, batch, earlier));
    for (const admitted of judged.admitted) earlier.add(admitted);
    await observer.judged(judged.refusals, judged.admitted.map(importedLine));
    return progressAfter(batch, progress, judged);
  };

const importedLine = ({ line, id, username }: Admitted): ImportedLine => ({ line, userId: id, username });

const progressAfter = ({ call, last }: Batch, before: Progress, { admitted, refusals }: Judged): Progress => ({
  file: before.file,
  lines: last.number,
  bytes: last.end,
  imported: before.imported + admitted.length,
  refused: before.refused + refusals.length,
  changedAt: call.now,
});
