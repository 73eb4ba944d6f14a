import type { Logger } from 'pino';
import type { Access } from './auth/access.ts';
import type { Caller } from './auth/caller.ts';
import type { Keys } from './crypto/keys.ts';
import { transact } from './db/client.ts';
import type { Db } from './db/driver.ts';
import { isRetryable } from './db/failures.ts';
import type { users } from './db/schema.ts';
import type { HttpClient } from './http/client.ts';
import type { Ids } from './ids.ts';
import type { TryLimits } from './networks.ts';
import type { Settings } from './settings.ts';
import type { TakesTurns } from './turns.ts';

/** What the process has: the same for all requests. */
export interface App {
  db: Db;
  clock: () => Date;
  ids: Ids;
  keys: Keys;
  settings: Settings;
  log: Logger;
  /** Calls to identity providers. */
  http: HttpClient;
  /** What each network has left of wrong tries. */
  tryLimits: TryLimits;
  /** What each network has left of wrong tries at the codes of one user. */
  codeTryLimits: TryLimits;
  /** Whose passwords are being looked at. */
  passwordTurns: TakesTurns;
  /** Of the processes that decode pictures. */
  decoderTurns: TakesTurns;
  /** What each person may still have sent to himself. */
  sendLimits: TryLimits;
  /** What each person may still have sent to him by sessions, by channel. */
  challengeLimits: TryLimits;
}

export type UserRow = typeof users.$inferSelect;

/** One request: the app's parts, who asks by which declared right, and the one "now" that all its rows share. */
export interface Call extends App {
  caller: Caller;
  access: Access;
  now: Date;
  /** The organization that the call names (access `organization`), else the caller's own. */
  organizationId: string;
  /** The user that the method's declaration names, loaded by the statement that authenticated the caller. */
  subject: UserRow | undefined;
  /** Where the request comes from, as limits count it (kernel/networks.ts); undefined at the command line. */
  network: string | undefined;
}

/** A call with an open transaction. Whatever writes demands this type, so nothing writes outside one. */
export interface Tx extends Call {
  readonly inTransaction: true;
}

const tries = 3;

/** Runs the work so that, when it throws, what it wrote is undone and the transaction goes on. */
export const savepoint = <T>(tx: Tx, work: (tx: Tx) => Promise<T>): Promise<T> => transact(tx.db, (db) => work({ ...tx, db }));

/** Runs the work in a transaction; again when Postgres gave it up for another one (deadlock, serialization). */
export async function transaction<T>(call: Call, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await transact(call.db, (db) => work({ ...call, db, inTransaction: true }));
    } catch (error) {
      if (attempt === tries || !isRetryable(error)) throw error;
    }
  }
}
