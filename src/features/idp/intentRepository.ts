import { and, eq, gt, sql } from 'drizzle-orm';
import type { Tx } from '../../kernel/call.ts';
import type { Db } from '../../kernel/db/client.ts';
import { instances, intents } from '../../kernel/db/schema.ts';

export type IntentRow = typeof intents.$inferSelect;

/** What a write answers with. */
export type WrittenIntent = Pick<IntentRow, 'id' | 'sequence' | 'changedAt'> & { instanceId: string };

const written = {
  id: intents.id,
  sequence: intents.sequence,
  changedAt: intents.changedAt,
  instanceId: sql<string>`(select ${instances.id} from ${instances})`,
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

/** The end of a journey, once: undefined when it has ended before, or took too long. */
export async function endIntent(tx: Tx, id: string, columns: Partial<IntentRow>): Promise<WrittenIntent | undefined> {
  const [row] = await tx.db
    .update(intents)
    .set({ ...columns, sequence: sql`${intents.sequence} + 1`, changedAt: tx.now })
    .where(and(eq(intents.id, id), eq(intents.state, 'started'), gt(intents.expiresAt, tx.now)))
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
