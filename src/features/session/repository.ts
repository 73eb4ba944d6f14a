import { and, eq, getTableColumns, isNull, sql } from 'drizzle-orm';
import { ended } from '../../kernel/auth/sessions.ts';
import type { Tx } from '../../kernel/call.ts';
import type { Db } from '../../kernel/db/driver.ts';
import { instanceId } from '../../kernel/db/instance.ts';
import { placeholdersOf, prepared } from '../../kernel/db/prepared.ts';
import { sessionChallenges, sessions, users } from '../../kernel/db/schema.ts';
import { anyOf, together } from '../../kernel/together.ts';

export type SessionRow = typeof sessions.$inferSelect;
export type SessionColumns = Partial<SessionRow>;

/** What a session is shown with: the names that its user has now, and the instance, which owns all sessions. */
export const shownColumns = {
  ...getTableColumns(sessions),
  loginName: users.username,
  displayName: users.displayName,
};

export type ShownSession = SessionRow & { loginName: string | null; displayName: string | null };

/** One that has ended as well; in one statement with those that others ask for in the same turn of the event loop. */
export const findSession = together<Db, string, ShownSession | undefined>({
  groupOf: () => 'sessions',
  async answer(db, ids) {
    const distinct = [...new Set(ids)];
    const [id, ...others] = distinct;
    const rows =
      others.length === 0 ? await sessionOf(db).execute({ id }) : await sessionsOf(db).execute({ ids: anyOf(distinct) });
    const byId = new Map(rows.map((row) => [row.id, row]));
    return (id) => byId.get(id);
  },
});

const sessionOf = prepared((db) =>
  db
    .select(shownColumns)
    .from(sessions)
    .leftJoin(users, eq(users.id, sessions.userId))
    .where(eq(sessions.id, sql.placeholder('id')))
    .prepare('find_session'),
);

const sessionsOf = prepared((db) =>
  db
    .select(shownColumns)
    .from(sessions)
    .leftJoin(users, eq(users.id, sessions.userId))
    .where(sql`${sessions.id} = any(${sql.placeholder('ids')}::text[])`)
    .prepare('find_sessions'),
);

/** Loads a session that has not ended and locks its row. */
export async function lockSession(tx: Tx, id: string): Promise<SessionRow | undefined> {
  const [row] = await lockedSessionOf(tx.db).execute({ id });
  return row;
}

const lockedSessionOf = prepared((db) =>
  db
    .select()
    .from(sessions)
    .where(and(eq(sessions.id, sql.placeholder('id')), isNull(sessions.endedAt)))
    .for('update')
    .prepare('lock_session'),
);

/** What a write answers with. */
export interface Written {
  id: string;
  sequence: bigint;
  changedAt: Date;
  instanceId: string;
}

export const written = {
  id: sessions.id,
  sequence: sessions.sequence,
  changedAt: sessions.changedAt,
  instanceId,
};

export async function insertSession(tx: Tx, row: SessionRow): Promise<Written> {
  const [inserted] = await inserting(tx.db).execute(row);
  if (!inserted) throw new Error(`session ${row.id} was not inserted`);
  return inserted;
}

const inserting = prepared((db) =>
  db.insert(sessions).values(placeholdersOf(sessions)).returning(written).prepare('insert_session'),
);

export async function updateSession(tx: Tx, id: string, columns: SessionColumns): Promise<Written> {
  const [updated] = await tx.db
    .update(sessions)
    .set({ ...columns, sequence: sql`${sessions.sequence} + 1`, changedAt: tx.now })
    .where(eq(sessions.id, id))
    .returning(written);
  if (!updated) throw new Error(`session ${id} is gone, though locked`);
  return updated;
}

/** The session as its last write left it. */
export async function findWritten(db: Db, id: string): Promise<Written | undefined> {
  const [row] = await db.select(written).from(sessions).where(eq(sessions.id, id));
  return row;
}

/** Undefined when it had ended before. */
export async function endSession(tx: Tx, id: string): Promise<Written | undefined> {
  const [row] = await tx.db
    .update(sessions)
    .set({ ...ended, endedAt: tx.now, sequence: sql`${sessions.sequence} + 1`, changedAt: tx.now })
    .where(and(eq(sessions.id, id), isNull(sessions.endedAt)))
    .returning(written);
  return row;
}

export type ChallengeRow = typeof sessionChallenges.$inferSelect;

export async function findChallenge(tx: Tx, sessionId: string): Promise<ChallengeRow | undefined> {
  const [row] = await tx.db.select().from(sessionChallenges).where(eq(sessionChallenges.sessionId, sessionId));
  return row;
}

/** In place of one that was there. */
export async function writeChallenge(tx: Tx, { sessionId, ...row }: ChallengeRow): Promise<void> {
  await tx.db
    .insert(sessionChallenges)
    .values({ sessionId, ...row })
    .onConflictDoUpdate({ target: sessionChallenges.sessionId, set: row });
}

export async function deleteChallenge(tx: Tx, sessionId: string): Promise<void> {
  await tx.db.delete(sessionChallenges).where(eq(sessionChallenges.sessionId, sessionId));
}
