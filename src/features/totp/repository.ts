import type { Tx } from '../../kernel/call.ts';
import { totps } from '../../kernel/db/schema.ts';

export type TotpRow = typeof totps.$inferSelect;

export async function insertTotp(tx: Tx, row: TotpRow): Promise<void> {
  await tx.db.insert(totps).values(row);
}
