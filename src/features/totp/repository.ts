import type { Tx } from '../../kernel/call.ts';
import { totps } from '../../kernel/db/schema.ts';

export async function insertTotp(tx: Tx, row: typeof totps.$inferInsert): Promise<void> {
  await tx.db.insert(totps).values(row);
}
