import { and, eq, gt, ne, sql } from 'drizzle-orm';
import type { Tx } from '../../kernel/call.ts';
import type { Db } from '../../kernel/db/driver.ts';
import { instanceId } from '../../kernel/db/instance.ts';
import { intents } from '../../kernel/db/schema.ts';

export type IntentRow = typeof intents.$inferSelect;

/** What a write answers with. */
export type WrittenIntent = Pick<IntentRow, 'id' | 'sequence' | 'changedAt'> & { instanceId: string };

const written = {
  id: intents.id,
  sequence: intents.sequence,
  changedAt: intents.changedAt,
  instanceId,
};

export async function insertIntent(tx: Tx, row: IntentRow): Promise<WrittenIntent> {
  const [inserted] = await tx.db.insert(intents).values(row).returning(written);
  if (!inserted) throw new Error(`intent ${row.id} was not inserted`);
  return inserted;
}

export async function findIntent(db: Db, id: string): Promise<IntentRow | undefined> {
  const [row] = await db.select().from(intents).where(eq(intents.id, id));
  return row;
}

const nothing = Buffer.alloc(0);

/**
 * The journey that a browser comes back from, for the one who finishes it: undefined when there is none, it has ended, took
 * too long, or somebody else is about to finish it. What its answer is held against is gone from the table with this.
 */
export async function takeJourney(tx: Tx, id: string): Promise<IntentRow | undefined> {
  const [row] = await tx.db
    .select()
    .from(intents)
    .where(and(underway(tx, id), ne(intents.expected, nothing), ne(intents.successUrl, '')))
    .for('update');
  if (row) await tx.db.update(intents).set({ expected: nothing }).where(eq(intents.id, id));
  return row;
}

const underway = ({ now }: Tx, id: string) => and(eq(intents.id, id), eq(intents.state, 'started'), gt(intents.expiresAt, now));

/** The end of a journey, once: undefined when it has ended before, or took too long. */
export async function endIntent(tx: Tx, id: string, columns: Partial<IntentRow>): Promise<WrittenIntent | undefined> {
  const [row] = await tx.db
    .update(intents)
    .set({ ...columns, expected: nothing, sequence: sql`${intents.sequence} + 1`, changedAt: tx.now })
    .where(underway(tx, id))
    .returning(written);
  return row;
}

/** Uses an intent up: false when somebody did before, or it has expired. */
export async function consumeIntent(tx: Tx, id: string): Promise<boolean> {
  const used = await tx.db
    .update(intents)
    .set({ state: 'consumed', result: null, sequence: sql`${intents.sequence} + 1`, changedAt: tx.now })
    .where(and(eq(intents.id, id), eq(intents.state, 'succeeded'), gt(intents.expiresAt, tx.now)))
    .returning({ id: intents.id });
  return used.length > 0;
}
