// What a machine signs with one of its keys to say who it is (RFC 7523): for a token, or to ask about one.
import { createPublicKey, type KeyObject } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
import { clockTolerance } from '../../kernel/auth/jwtTokens.ts';
import type { App } from '../../kernel/call.ts';
import { keyedHash } from '../../kernel/crypto/keys.ts';
import { audiencesOf } from './paths.ts';
import { findKeys, type MachineKey } from './repository.ts';

/** Machines have RSA keys. A shared secret is none: the public key would pass for it (RFC 8725, 3.1). */
export const assertionAlgorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
/** Seconds from the signature to the expiry at most, as in the original. */
export const longestAssertion = 60 * 60;

/** A machine that has shown that it holds one of its keys. */
export interface SignedBy {
  by: 'key';
  machine: MachineKey;
  /** Of its id, which is taken once only, and until when it must be remembered; undefined where it has none (RFC 7523, 3: optional). */
  once: { hash: Buffer; expiresAt: Date } | undefined;
}

/** Undefined for whatever is wrong with it: nobody is told what. It is not used up yet. */
export async function checkAssertion(app: App, now: Date, assertion: string): Promise<SignedBy | undefined> {
  const named = namedIn(assertion);
  if (!named) return undefined;
  const keys = await findKeys(app.db, named.userId, named.keyId, now);
  // Without a name the only one is meant.
  const machine = keys.length === 1 ? keys[0] : undefined;
  const payload = await verified(app, now, assertion, named.userId, machine ? keyOf(machine) : nobodysKey());
  if (!machine || payload?.exp === undefined) return undefined;
  const expiresAt = new Date((payload.exp + clockTolerance) * 1000);
  const once = payload.jti === undefined ? undefined : { hash: hashOf(app, named.userId, payload.jti), expiresAt };
  return { by: 'key', machine, once };
}

/** What the assertion says of whose it is, before anybody has looked at the signature. */
function namedIn(assertion: string): { userId: string; keyId: string | undefined } | undefined {
  try {
    const { kid } = decodeProtectedHeader(assertion);
    const { sub } = decodeJwt(assertion);
    if (!isName(sub) || !(kid === undefined || kid === null || isName(kid))) return undefined;
    return { userId: sub, keyId: kid ?? undefined };
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  }
}

/** What Postgres cannot hold names nobody. */
const isName = (value: unknown): value is string => typeof value === 'string' && value !== '' && !value.includes('\0');

/** What jose throws for what is no JWT. */
const isUnreadable = (error: unknown) => error instanceof errors.JOSEError || error instanceof TypeError;

async function verified(app: App, now: Date, assertion: string, userId: string, key: KeyObject): Promise<JWTPayload | undefined> {
  try {
    const { payload } = await jwtVerify(assertion, key, {
      algorithms: assertionAlgorithms,
      issuer: userId,
      subject: userId,
      audience: audiencesOf(app),
      requiredClaims: ['exp', 'iat'],
      maxTokenAge: longestAssertion,
      clockTolerance,
      currentDate: now,
    });
    const { exp = Number.POSITIVE_INFINITY, iat = 0, jti } = payload;
    const isSound = exp - iat <= longestAssertion && (jti === undefined || typeof jti === 'string');
    return isSound ? payload : undefined;
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  }
}

const keyOf = ({ publicKey }: MachineKey) => createPublicKey({ key: publicKey, type: 'spki', format: 'der' });

/** Nothing that anybody has signed: to look at it takes as long as with a key that there is. */
function nobodysKey(): KeyObject {
  const n = Buffer.alloc(256, 0xff).toString('base64url');
  return createPublicKey({ key: { kty: 'RSA', n, e: 'AQAB' }, format: 'jwk' });
}

const hashOf = ({ keys }: App, userId: string, jti: string): Buffer =>
  keyedHash(keys.token, JSON.stringify(['jti', userId, jti]));
