// Tokens of issuers elsewhere that the configuration trusts: JWTs that name a user of ours in a claim. What such an issuer
// says is believed as far as its keys reach, and no further than to the user's state here.
import { eq, sql } from 'drizzle-orm';
import { errors, type JWTPayload, jwtVerify } from 'jose';
import type { App } from '../call.ts';
import { users } from '../db/schema.ts';
import { textKey } from '../names.ts';
import type { TrustedIssuer } from '../settings.ts';
import { IssuerUnavailable, keysOf } from './issuerKeys.ts';
import { clockTolerance } from './jwtTokens.ts';
import { type Find, findWithSubjects } from './subjects.ts';
import { callerOf, callerStatements, callerWho } from './tokens.ts';

/** Seconds since a token was issued, at most. */
const maximumAge = 24 * 60 * 60;

/** Whom a token of a trusted issuer stands for, as `Find` does. */
export async function findByForeignToken(
  app: App,
  issuer: TrustedIssuer,
  token: string,
  time: Date,
  ids: readonly string[],
): ReturnType<Find> {
  const payload = await verified(app, issuer, token, time);
  if (payload instanceof IssuerUnavailable) return { refusal: 'ISSUER_UNAVAILABLE', cause: payload };
  const value = payload?.[issuer.claim];
  if (typeof value !== 'string' || value === '' || value.includes('\0')) return undefined;
  const [statements, name] = issuer.matches === 'id' ? [byId, value] : [byName, textKey(value)];
  const found = await findWithSubjects(app.db, statements, { name }, ids);
  return found && { caller: callerOf(found.row), subjects: found.subjects };
}

/** What a token says, if its issuer says so. */
async function verified(
  app: App,
  issuer: TrustedIssuer,
  token: string,
  now: Date,
): Promise<JWTPayload | IssuerUnavailable | undefined> {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keysOf(app, issuer), {
      algorithms: [...issuer.algorithms],
      issuer: issuer.issuer,
      audience: issuer.audience,
      requiredClaims: ['exp', 'iat', issuer.claim],
      maxTokenAge: maximumAge,
      clockTolerance,
      currentDate: now,
    });
    return isAccess(protectedHeader.typ) ? payload : undefined;
  } catch (error) {
    if (error instanceof IssuerUnavailable) return error;
    if (error instanceof errors.JOSEError) return undefined;
    throw error;
  }
}

/** RFC 8725, 3.11: a token made for something else says so. */
const isAccess = (type: string | undefined) => type === undefined || /^(application\/)?(at\+)?jwt$/i.test(type);

const named = sql.placeholder('name');
const byId = callerStatements('find_foreign_caller_by_id', (db) => callerWho(db, eq(users.id, named)));
const byName = callerStatements('find_foreign_caller_by_name', (db) => callerWho(db, eq(users.usernameKey, named)));
