// The sessions of the world: one of everybody, some of nobody yet, some that have ended, and those that people call with.

import { tokenHash } from '../../../src/kernel/auth/tokens.ts';
import { hashUnder } from '../../../src/kernel/crypto/hashes/hashes.ts';
import { keyedHash } from '../../../src/kernel/crypto/keys.ts';
import { channels } from '../../../src/kernel/outbox/message.ts';
import type { Authenticator } from '../authenticator.ts';
import { epoch, type TestServer } from '../server.ts';
import { assertionChallenge, foreignId, oneTimeCode, recoveryCode, rpId, sessionTokenOf } from './values.ts';

export interface Session {
  creatorId: string;
  userId: string | null;
  organizationId: string | null;
  ended: boolean;
}

export interface SessionColumns {
  user_id?: string;
  organization_id?: string;
  password_verified_at?: Date;
  recovery_code_verified_at?: Date;
  expires_at?: Date;
  ended_at?: Date;
  stale?: boolean;
}

/** Enough for whoever has set up a second factor, too. */
export const proven = { password_verified_at: epoch, recovery_code_verified_at: epoch };

/** One that nobody here has made. `sessionTokenOf` is its token. */
export async function addSession({ sql, app }: TestServer, id: string, columns: SessionColumns = {}): Promise<string> {
  const row = {
    id,
    creator_id: 'somebody',
    token_hash: tokenHash(app.keys, sessionTokenOf(id)),
    sequence: 1,
    created_at: epoch,
    changed_at: epoch,
    user_verified_at: columns.user_id === undefined ? null : epoch,
    user_agent: sql.json({ fingerprintId: foreignId }),
    ...columns,
  };
  await sql`insert into sessions ${sql(row)}`;
  return id;
}

export async function sessionsOf({ sql }: TestServer): Promise<ReadonlyMap<string, Session>> {
  const rows = await sql<(Session & { id: string })[]>`select id, creator_id as "creatorId", user_id as "userId",
    organization_id as "organizationId", ended_at is not null as ended from sessions`;
  return new Map(rows.map(({ id, ...session }) => [id, session]));
}

interface Ready {
  id: string;
  sessionId: string;
  /** What holds his passkey. */
  authenticator: Authenticator;
}

/** Lets somebody sign in with everything there is: his session has asked for it, and waits for the answers. */
export async function makeReady(server: TestServer, { id: userId, sessionId, authenticator }: Ready): Promise<void> {
  const { sql, app } = server;
  const { users } = server.as();
  const later = new Date(epoch.getTime() + 60_000);
  const { passkeyId, publicKeyCredentialCreationOptions: options = {} } = await users.registerPasskey({ userId, domain: rpId });
  const publicKeyCredential = authenticator.register(options, `https://${rpId}`, { counter: 0 });
  await users.verifyPasskeyRegistration({ userId, passkeyId, publicKeyCredential, passkeyName: 'Phone' });
  await sql`update totps set ready = true where user_id = ${userId}`;
  const [{ salt } = { salt: Buffer.alloc(0) }] = await sql<{ salt: Buffer }[]>`
    select salt from recovery_salts where user_id = ${userId}`;
  const hash = await hashUnder(salt, recoveryCode.replaceAll('-', ''));
  await sql`insert into recovery_codes ${sql({ user_id: userId, hash })}`;
  const challenge = { challenge: assertionChallenge, user_verification: 'required', expires_at: later };
  await sql`insert into session_challenges ${sql({ session_id: sessionId, rp_id: rpId, ...challenge })}`;
  for (const channel of channels) {
    await sql`insert into otp_factors ${sql({ user_id: userId, channel, created_at: epoch })}`;
    const code = keyedHash(app.keys.code, JSON.stringify(['session', sessionId, channel, oneTimeCode]));
    await sql`insert into session_codes ${sql({ session_id: sessionId, channel, hash: code, expires_at: later })}`;
  }
}
