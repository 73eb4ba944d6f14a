// Owns: where the keys of trusted issuers come from, which of them count, and how rarely they are asked for. Leaves what a
// token says to issuers.ts.
import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey, type RemoteJWKSet } from 'jose';
import type { App } from '../call.ts';
import { type HttpClient, whyUnanswered } from '../http/client.ts';
import type { TrustedIssuer } from '../settings.ts';

/** Milliseconds that an issuer has for one answer: a call waits for it. */
const answerMs = 5_000;
/** Milliseconds for which keys are used without asking again. */
const keysMs = 10 * 60 * 1000;
/** Milliseconds before an unknown key, or an issuer that did not answer, has it asked again: strangers' tokens must not make us call all the time. */
const cooldownMs = 30 * 1000;
/** Bits of an RSA key at least (RFC 7518, 3.3). */
const minimumBits = 2048;

/** Its keys cannot be had. */
export class IssuerUnavailable extends Error {
  override name = 'IssuerUnavailable';
}

/** What keeps its keys from us: the way there, its discovery document, or the keys themselves. */
export class IssuerProblem extends Error {
  override name = 'IssuerProblem';
  readonly part: 'way' | 'discovery' | 'keys';

  constructor(part: IssuerProblem['part'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.part = part;
  }
}

/** Where an issuer shows its keys, once that is known, and when asking it failed last. */
interface Source {
  keys: Promise<RemoteJWKSet> | undefined;
  failedAt: number;
}

type Http = Pick<App, 'http'>;

/** By the client that fetches them. */
const sources = new WeakMap<HttpClient, Map<string, Source>>();

function sourceOf({ http }: Http, { issuer }: TrustedIssuer): Source {
  const known = sources.get(http) ?? new Map<string, Source>();
  sources.set(http, known);
  const source = known.get(issuer) ?? { keys: undefined, failedAt: Number.NEGATIVE_INFINITY };
  known.set(issuer, source);
  return source;
}

const failedLately = ({ failedAt }: Source) => performance.now() < failedAt + cooldownMs;

/** The key that a token is checked with; throws a JOSEError where the token is at fault, else an IssuerUnavailable. */
export function keysOf(app: Pick<App, 'http' | 'log'>, issuer: TrustedIssuer): JWTVerifyGetKey {
  const source = sourceOf(app, issuer);
  return async (...named) => {
    try {
      source.keys ??= openKeys(app, issuer, source);
      return await keyFor(await source.keys, ...named);
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

/** Those of the issuer's algorithms for which it shows a key now, fetched as for its first token. Throws an IssuerProblem. */
export async function usableAlgorithms(app: Http, issuer: TrustedIssuer): Promise<string[]> {
  const keys = await openKeys(app, issuer, sourceOf(app, issuer));
  await keys.reload().catch((error: unknown) => {
    throw error instanceof errors.JOSEError ? new IssuerProblem('keys', 'its key set cannot be read', { cause: error }) : error;
  });
  const ids = new Set(keys.jwks()?.keys.map(({ kid }) => kid));
  const has = (alg: string) =>
    Promise.any([...ids].map((kid) => keyFor(keys, { alg, ...(kid !== undefined && { kid }) }))).then(
      () => true,
      () => false,
    );
  const usable = await Promise.all(issuer.algorithms.map(has));
  return issuer.algorithms.filter((_, place) => usable[place]);
}

/** A key that is too short, or that nobody can read, counts as none. */
async function keyFor(keys: RemoteJWKSet, ...named: Parameters<RemoteJWKSet>): ReturnType<RemoteJWKSet> {
  const key = await keys(...named).catch((error: unknown) => {
    throw error instanceof DOMException ? new errors.JWKSNoMatchingKey() : error;
  });
  const { algorithm } = key;
  if ('modulusLength' in algorithm && Number(algorithm.modulusLength) < minimumBits) throw new errors.JWKSNoMatchingKey();
  return key;
}

/** Asks once for all who wait, and anew for those who come after it failed. */
async function openKeys(app: Http, issuer: TrustedIssuer, source: Source): Promise<RemoteJWKSet> {
  try {
    return keysAt(await addressOf(app, issuer, source), app, source);
  } catch (error) {
    source.keys = undefined;
    throw error;
  }
}

const keysAt = (address: string, app: Http, source: Source): RemoteJWKSet =>
  createRemoteJWKSet(new URL(address), {
    cacheMaxAge: keysMs,
    cooldownDuration: cooldownMs,
    timeoutDuration: answerMs,
    [customFetch]: (url) => fetchOnce(app, source, url, 'its keys'),
  });

/** Where its keys are, as the configuration says, or its own discovery document (OpenID Connect Discovery, 4). */
async function addressOf(app: Http, { issuer, jwksUri }: TrustedIssuer, source: Source): Promise<string> {
  if (jwksUri !== undefined) return jwksUri;
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const answer = await fetchOnce(app, source, url, 'its discovery document');
  const document: unknown = await answer.json().catch(() => undefined);
  const wrong = (problem: string) => new IssuerProblem('discovery', `its discovery document ${problem}`);
  if (typeof document !== 'object' || document === null) throw wrong('cannot be read');
  const told = { issuer: undefined, jwks_uri: undefined, ...document };
  if (told.issuer !== issuer) throw wrong(`is of another issuer, ${printable(told.issuer)}`);
  if (typeof told.jwks_uri !== 'string' || !URL.canParse(told.jwks_uri)) throw wrong('names no keys');
  return told.jwks_uri;
}

/** A name that somebody else gave, for logs and terminals. */
const printable = (name: unknown) => (typeof name === 'string' ? encodeURI(name.toWellFormed()).slice(0, 200) : 'without a name');

/** Through the guarded client, and not for a while after it failed. */
async function fetchOnce({ http }: Http, source: Source, url: string, what: string): Promise<Response> {
  const { host } = new URL(url);
  if (failedLately(source)) throw new IssuerProblem('way', `${host} did not answer a moment ago`);
  const signal = AbortSignal.timeout(answerMs);
  const request = { url, method: 'GET', headers: { accept: 'application/json' }, signal } as const;
  const { status, body } = await http.send(request).catch((cause: unknown) => {
    throw new IssuerProblem('way', `${host} ${whyUnanswered(cause)}`, { cause });
  });
  if (status !== 200) throw new IssuerProblem('way', `${host} answers ${status} when asked for ${what}`);
  return new Response(body);
}
