import { eq, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import type { App, UserRow } from '../call.ts';
import type { Db } from '../db/driver.ts';
import type { prepared } from '../db/prepared.ts';
import { users } from '../db/schema.ts';
import type { Reason } from '../reasons.ts';
import { anyOf } from '../together.ts';
import type { Caller } from './caller.ts';

/** The users that calls are about, beside the one who makes them. */
export const subjects = alias(users, 'subjects');

export const isSubject = eq(subjects.id, sql.placeholder('subject'));
export const isAmongSubjects = sql`${subjects.id} = any(${sql.placeholder('subjects')}::text[])`;

/** Whom a token stands for, and the users asked for, by id. */
export interface Found {
  caller: Caller;
  subjects: ReadonlyMap<string, UserRow>;
}

/** Why a token may not be used now, although it may be right. No error yet: each call has one of its own. */
export interface Refused {
  refusal: Reason;
  /** For the log only. */
  cause?: unknown;
}

/** Finds whom a token stands for, and the users with these ids; undefined when it may not be used. */
export type Find = (app: App, token: string, time: Date, ids: readonly string[]) => Promise<Found | Refused | undefined>;

type Prepared<Row> = ReturnType<typeof prepared<Row[]>>;
type WithSubject<Row> = Row & { subject: UserRow | null };

/** The statements that find one caller: alone, with the user `isSubject`, and once for each user `isAmongSubjects`. */
interface Statements<Row> {
  alone: Prepared<Row>;
  withOne: Prepared<WithSubject<Row>>;
  withSeveral: Prepared<WithSubject<Row>>;
}

/** A caller's row, and the users with these ids. Undefined without a caller. */
export async function findWithSubjects<Row>(
  db: Db,
  statements: Statements<Row>,
  values: Record<string, unknown>,
  ids: readonly string[],
): Promise<{ row: Row; subjects: Map<string, UserRow> } | undefined> {
  const found = new Map<string, UserRow>();
  const [subject, ...others] = ids;
  if (subject === undefined) {
    const [row] = await statements.alone(db).execute(values);
    return row && { row, subjects: found };
  }
  const rows =
    others.length === 0
      ? await statements.withOne(db).execute({ ...values, subject })
      : await statements.withSeveral(db).execute({ ...values, subjects: anyOf(ids) });
  for (const { subject: user } of rows) if (user) found.set(user.id, user);
  const [row] = rows;
  return row && { row, subjects: found };
}
