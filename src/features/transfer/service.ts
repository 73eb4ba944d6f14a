// Owns: users by the file, in and out: batches, progress, rehearsals. Leaves what a user must be to the features that a
// single call asks, what a line looks like to record.ts and docs/import.md.
import { type Call, type Tx, transaction } from '../../kernel/call.ts';
import { violatedConstraint } from '../../kernel/db/failures.ts';
import { textKey } from '../../kernel/names.ts';
import { beginRehearsal, rehearse } from './factsRepository.ts';
import { type Admitted, type Judged, judge } from './judge.ts';
import type { Line } from './lines.ts';
import { type Prepared, prepare, type Refusal } from './prepare.ts';
import { findFirstOrganization, findProgress, forgetProgress, insertRows, moveProgress, type Progress } from './repository.ts';
import { rowsOf } from './rows.ts';
import { batchesIn, type Source } from './source.ts';

export interface ImportOptions {
  /** For lines that name none; the instance's first one when undefined. */
  organizationId: string | undefined;
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
  const run: Run = { call, organizationId, observer, batches: batchesIn(source, start, options.batch), stop: options.stop };
  if (!options.rehearsal) return forEachBatch(run, start, store);
  return transaction(call, async (tx) => {
    await beginRehearsal(tx);
    return forEachBatch({ ...run, call: tx }, start, (_, batch, progress) => rehearseBatch(tx, batch, progress, observer));
  });
}

interface Run {
  call: Call;
  organizationId: string;
  observer: ImportObserver;
  batches: AsyncGenerator<Line[]>;
  stop: AbortSignal;
}

/** A batch that is ready for the database. */
interface Batch extends Prepared {
  call: Call;
  /** Its last line. */
  last: Line;
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

async function next({ call, organizationId, batches }: Run): Promise<Batch | undefined> {
  const { value: lines } = await batches.next();
  const last = lines?.at(-1);
  if (!lines || !last) return undefined;
  const now = { ...call, now: call.clock() };
  return { ...(await prepare(now, lines, organizationId)), call: now, last };
}

/** A name that somebody took in the middle of a batch is found taken when the batch is judged again. */
const tries = 5;

async function store({ observer }: Run, batch: Batch, progress: Progress): Promise<Progress> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await transaction(batch.call, (tx) => storeBatch(tx, batch, progress, observer));
    } catch (error) {
      const taken = ['users_username', 'users_pkey'].includes(violatedConstraint(error) ?? '');
      if (!taken || attempt === tries) throw error;
    }
  }
}

async function storeBatch(tx: Tx, batch: Batch, progress: Progress, observer: ImportObserver): Promise<Progress> {
  const judged = await judge(tx, batch, 'real');
  await insertRows(tx, rowsOf(tx, judged.admitted));
  const moved = progressAfter(tx, progress, batch.last, judged);
  if (!(await moveProgress(tx, progress, moved))) throw new ImportMoved();
  await observer.judged(judged.refusals, judged.admitted.map(importedLine));
  return moved;
}

async function rehearseBatch(tx: Tx, batch: Batch, progress: Progress, observer: ImportObserver): Promise<Progress> {
  const judged = await judge(tx, batch, 'rehearsed');
  await rehearse(tx, judged.admitted.map(rehearsedUser));
  await observer.judged(judged.refusals, judged.admitted.map(importedLine));
  return progressAfter(tx, progress, batch.last, judged);
}

const importedLine = ({ line, id, username }: Admitted): ImportedLine => ({ line, userId: id, username });

function rehearsedUser({ id, organizationId, usernameKey, user: { details } }: Admitted) {
  const { address, verification } = details.type === 'human' ? details.email : { address: '', verification: { kind: 'none' } };
  return { id, organizationId, usernameKey, emailKey: textKey(address), emailVerified: verification.kind === 'verified' };
}

const progressAfter = (tx: Tx, before: Progress, last: Line, { admitted, refusals }: Judged): Progress => ({
  file: before.file,
  lines: last.number,
  bytes: last.end,
  imported: before.imported + admitted.length,
  refused: before.refused + refusals.length,
  changedAt: tx.now,
});
