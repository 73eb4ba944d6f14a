import { sql } from 'drizzle-orm';
import type { Db } from './driver.ts';
import { instances } from './schema.ts';

/** Who owns what no organization does. */
export async function findInstanceId(db: Db): Promise<string> {
  const [row] = await db.select({ id: instances.id }).from(instances);
  if (!row) throw new Error('there is no instance');
  return row.id;
}

/** The same beside the columns of another statement. */
export const instanceId = sql<string>`(select ${instances.id} from ${instances})`;
