import { eq, sql } from 'drizzle-orm';
import type { Db } from '../../kernel/db/driver.ts';
import {
  otpFactors,
  providerLinks,
  recoveryCodes,
  totps,
  userPasswords,
  webauthnCredentials,
  webauthnRegistrations,
} from '../../kernel/db/schema.ts';

export interface WebauthnFactor {
  id: string;
  kind: 'passkey' | 'u2f';
  rpId: string;
  name: string;
  ready: boolean;
}

/** Whatever a user could sign in with, as it is now. */
export async function findFactors(db: Db, userId: string) {
  const has = (rows: { one: unknown }[]) => rows.length > 0;
  const one = { one: sql`1` };
  const [credentials, pending, [totp], otp, password, recovery, link] = await Promise.all([
    db
      .select()
      .from(webauthnCredentials)
      .where(eq(webauthnCredentials.userId, userId))
      .orderBy(webauthnCredentials.createdAt, webauthnCredentials.id),
    db.select().from(webauthnRegistrations).where(eq(webauthnRegistrations.userId, userId)).orderBy(webauthnRegistrations.kind),
    db.select({ ready: totps.ready }).from(totps).where(eq(totps.userId, userId)),
    db.select({ channel: otpFactors.channel }).from(otpFactors).where(eq(otpFactors.userId, userId)),
    db.select(one).from(userPasswords).where(eq(userPasswords.userId, userId)),
    db.select(one).from(recoveryCodes).where(eq(recoveryCodes.userId, userId)).limit(1),
    db.select(one).from(providerLinks).where(eq(providerLinks.userId, userId)).limit(1),
  ]);
  const webauthn: WebauthnFactor[] = [
    ...credentials.map(({ id, kind, rpId, name }) => ({ id, kind, rpId, name, ready: true })),
    ...pending.map(({ id, kind, rpId }) => ({ id, kind, rpId, name: '', ready: false })),
  ];
  return {
    webauthn,
    totp,
    otp: new Set(otp.map(({ channel }) => channel)),
    password: has(password),
    recovery: has(recovery),
    link: has(link),
  };
}
