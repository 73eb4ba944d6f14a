// Access tokens as JWTs (RFC 9068): how we sign them, and what of one is looked at before its row is.
import { errors, jwtVerify, SignJWT } from 'jose';
import type { App } from '../call.ts';
import { accessTokenLifetimeMs } from './accessTokens.ts';
import { currentSigner, verifierOf } from './signingKeys.ts';

export const signingAlgorithm = 'RS256';
/** Seconds by which the clocks of two machines may differ. */
export const clockTolerance = 10;
/** RFC 9068, 2.1: nothing else that we might sign passes for an access token. */
const type = 'at+jwt';

interface Contents {
  /** The row's. */
  id: string;
  userId: string;
  scope: string;
  createdAt: Date;
  expiresAt: Date;
}

export async function signAccessToken(app: App, { id, userId, scope, createdAt, expiresAt }: Contents): Promise<string> {
  const { id: kid, privateKey } = await currentSigner(app, createdAt);
  const issuer = app.settings.publicUrl;
  return new SignJWT({ client_id: userId, ...(scope !== '' && { scope }) })
    .setProtectedHeader({ alg: signingAlgorithm, typ: type, kid })
    .setIssuer(issuer)
    .setAudience(issuer)
    .setSubject(userId)
    .setJti(id)
    .setIssuedAt(createdAt)
    .setExpirationTime(expiresAt)
    .sign(privateKey);
}

/** Whether we signed it as an access token that has not expired; whether it still counts, its row says. */
export async function isOurs(app: App, token: string, now: Date): Promise<boolean> {
  const issuer = app.settings.publicUrl;
  const keyOf = async ({ kid }: { kid?: unknown }) => {
    const key = typeof kid === 'string' ? await verifierOf(app, kid, now) : undefined;
    if (!key) throw new errors.JWKSNoMatchingKey();
    return key;
  };
  try {
    await jwtVerify(token, keyOf, {
      algorithms: [signingAlgorithm],
      typ: type,
      issuer,
      audience: issuer,
      requiredClaims: ['sub', 'exp', 'iat', 'jti', 'client_id'],
      maxTokenAge: accessTokenLifetimeMs / 1000,
      clockTolerance,
      currentDate: now,
    });
    return true;
  } catch (error) {
    if (error instanceof errors.JOSEError) return false;
    throw error;
  }
}
