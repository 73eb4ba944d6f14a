// Tokens of issuers elsewhere that the configuration trusts: JWTs that name a user of ours in a claim. What such an issuer
// says is believed as far as its keys reach, and no further than to the user's state here.
import { eq, sql } from 'drizzle-orm';
import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
  type RemoteJWKSet,
} from 'jose';
import type { App } from '../call.ts';
import { users } from '../db/schema.ts';
import type { HttpClient } from '../http/client.ts';
import { textKey } from '../names.ts';
import type { TrustedIssuer } from '../settings.ts';
import { clockTolerance } from './jwtTokens.ts';
import { type Find, findWithSubjects } from './subjects.ts';
import { callerOf, callerStatements, callerWho } from './tokens.ts';

/** Seconds since a token was issued, at most. */
const maximumAge = 24 * 60 * 60;
/** Milliseconds that an issuer has for one answer: a call waits for it. */
const answerMs = 5_000;
/** Milliseconds for which keys are used without asking again. */
const keysMs = 10 * 60 * 1000;
/** Milliseconds before an unknown key, or an issuer that did not answer, has it asked again: strangers' tokens must not make us call all the time. */
const cooldownMs = 30 * 1000;

/** Its keys cannot be had. */
class IssuerUnavailable extends Error {
  override name = 'IssuerUnavailable';
}

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

/** Where an issuer shows its keys, once that is known, and when asking it failed last. */
interface Source {
  keys: Promise<RemoteJWKSet> | undefined;
  failedAt: number;
}

/** By the client that fetches them. */
const sources = new WeakMap<HttpClient, Map<string, Source>>();

function sourceOf(app: App, { issuer }: TrustedIssuer): Source {
  const known = sources.get(app.http) ?? new Map<string, Source>();
  sources.set(app.http, known);
  const source = known.get(issuer) ?? { keys: undefined, failedAt: Number.NEGATIVE_INFINITY };
  known.set(issuer, source);
  return source;
}

const failedLately = ({ failedAt }: Source) => performance.now() < failedAt + cooldownMs;

function keysOf(app: App, issuer: TrustedIssuer): JWTVerifyGetKey {
  const source = sourceOf(app, issuer);
  return async (header, token) => {
    try {
      source.keys ??= openKeys(app, issuer, source);
      return await (await source.keys)(header, token);
    } catch (error) {
      // The key is not there, or there are several: what is wrong is the token.
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error;
      if (!failedLately(source)) {
        source.failedAt = performance.now();
        app.log.warn({ issuer: issuer.issuer, err: error }, 'the keys of an issuer cannot be had');
      }
      throw new IssuerUnavailable('the keys of an issuer cannot be had', { cause: error });
    }
  };
}

/** Asks once for all who wait, and anew for those who come after it failed. */
async function openKeys(app: App, issuer: TrustedIssuer, source: Source): Promise<RemoteJWKSet> {
  try {
    return keysAt(await addressOf(app, issuer, source), app, source);
  } catch (error) {
    source.keys = undefined;
    throw error;
  }
}

const keysAt = (address: string, app: App, source: Source): RemoteJWKSet =>
  createRemoteJWKSet(new URL(address), {
    cacheMaxAge: keysMs,
    cooldownDuration: cooldownMs,
    timeoutDuration: answerMs,
    [customFetch]: (url) => fetchOnce(app, source, url),
  });

/** Where its keys are, as the configuration says, or its own discovery document (OpenID Connect Discovery, 4). */
async function addressOf(app: App, { issuer, jwksUri }: TrustedIssuer, source: Source): Promise<string> {
  if (jwksUri !== undefined) return jwksUri;
  const answer = await fetchOnce(app, source, `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  const document: unknown = await answer.json();
  if (typeof document !== 'object' || document === null) throw new Error('the discovery document is none');
  const told = { issuer: undefined, jwks_uri: undefined, ...document };
  if (told.issuer !== issuer) throw new Error('the discovery document is of another issuer');
  if (typeof told.jwks_uri !== 'string' || !URL.canParse(told.jwks_uri)) throw new Error('the discovery document names no keys');
  return told.jwks_uri;
}

/** Through the guarded client, and not for a while after it failed. */
async function fetchOnce({ http }: App, source: Source, url: string): Promise<Response> {
  if (failedLately(source)) throw new Error('it did not answer a moment ago');
  const signal = AbortSignal.timeout(answerMs);
  const { status, body } = await http.send({ url, method: 'GET', headers: { accept: 'application/json' }, signal });
  if (status !== 200) throw new Error(`it answered ${status}`);
  return new Response(body);
}
