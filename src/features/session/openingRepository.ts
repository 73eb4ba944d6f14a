// The statement that signs somebody in, where nothing changed since he was looked at.
import { and, eq, sql } from 'drizzle-orm';
import type { Call, UserRow } from '../../kernel/call.ts';
import { placeholdersOf, prepared } from '../../kernel/db/prepared.ts';
import { sessions, userPasswords, users } from '../../kernel/db/schema.ts';
import { forgivingStep } from '../../kernel/guessing.ts';
import { eventValues, recordingSteps } from '../user/events.ts';
import { type SessionRow, type Written, written } from './repository.ts';
import type { Factor } from './steps.ts';

/** What was looked at, and which checks it was right for. */
interface Looked {
  user: UserRow;
  passwordHash: string;
  factors: readonly Factor[];
}

/**
 * Inserts the session of somebody whose state and password are still what they were, forgives the wrong passwords before
 * this right one, and tells of it. Undefined where they are not, with nothing written.
 */
export async function openSession(
  call: Call,
  session: SessionRow,
  { user, passwordHash, factors }: Looked,
): Promise<Written | undefined> {
  const event = eventValues(call, user.id, { type: 'session.checked', session: session.id, factors });
  const looked = { 'looked.state': user.state, 'looked.hash': passwordHash };
  const guess = { userId: user.id, kind: 'password' };
  const [row] = await opening(call.db).execute({ ...session, ...event, ...looked, ...guess });
  return row;
}

const { instanceId, ...details } = written;

const opening = prepared((db) => {
  // Locked and then looked at again, both rows: what was there when the statement began does not count.
  const same = db.$with('same').as(
    db
      .select({ id: users.id })
      .from(users)
      .innerJoin(userPasswords, eq(userPasswords.userId, users.id))
      .where(
        and(
          eq(users.id, sql.placeholder('userId')),
          eq(users.state, sql.placeholder('looked.state')),
          eq(userPasswords.hash, sql.placeholder('looked.hash')),
        ),
      )
      .for('update'),
  );
  const stands = sql`exists (select from ${same})`;
  const forgiven = forgivingStep(db, stands);
  const row = sql.join(Object.values(placeholdersOf(sessions)), sql`, `);
  const opened = db.$with('opened').as(db.insert(sessions).select(sql`select ${row} from ${same}`).returning(details));
  const { changed, noted } = recordingSteps(db, {}, stands);
  return db
    .with(same, forgiven, opened, changed, noted)
    .select({ ...opened._.selectedFields, instanceId })
    .from(opened)
    .prepare('open_session');
});
