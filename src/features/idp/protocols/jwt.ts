// A site that people are signed in to already hands over a signed token (RFC 7519) that says who they are. The token is
// checked by jose; what its header says is never believed further than it leads to one of the provider's own keys.
import { randomBytes } from 'node:crypto';
import { createRemoteJWKSet, customFetch, errors, type JWTVerifyResult, jwtVerify, type RemoteJWKSet } from 'jose';
import type { App } from '../../../kernel/call.ts';
import { equalText } from '../../../kernel/crypto/hashes/encoding.ts';
import type { ProviderConfig } from '../../../kernel/db/providerConfig.ts';
import type { HttpClient } from '../../../kernel/http/client.ts';
import { type Begun, type Identity, ProviderRefusal } from '../identity.ts';
import { personIn, plain } from './claims.ts';
import { answerMs, away, providerFetch } from './fetching.ts';
import type { Beginning, Ending, ProviderAnswer } from './protocols.ts';

type JwtConfig = Extract<ProviderConfig, { type: 'jwt' }>;

/** Signatures only: with a shared secret, whoever can check a token could make one (RFC 8725, 3.1). */
const algorithms = [...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']];
/** Seconds since a token was issued. */
const maximumAge = 60 * 60;
/** Seconds by which the clocks of two servers may differ. */
const clockTolerance = 10;

export function beginJwt({ endpoint }: JwtConfig, { id }: Beginning): Begun {
  const userAgentID = randomBytes(16).toString('base64url');
  const url = new URL(endpoint);
  url.searchParams.set('authRequestID', id);
  url.searchParams.set('userAgentID', userAgentID);
  return { journey: { kind: 'redirect', url: url.href }, expected: { userAgentID } };
}

export async function finishJwt(app: App, config: JwtConfig, { expected, answer }: Ending): Promise<Identity> {
  const { userAgentID = '' } = expected;
  if (!equalText(answer.parameters.get('userAgentID') ?? '', userAgentID)) throw refusal('it is for another browser');
  const token = tokenIn(answer, config);
  const { protectedHeader, payload } = await away(verify(app, config, token));
  // RFC 8725, 3.11: a token made for something else says so.
  if (protectedHeader.typ !== undefined && protectedHeader.typ.toUpperCase() !== 'JWT') throw refusal('it is no JWT');
  const { exp = 0 } = payload;
  const access = { kind: 'oauth', accessToken: '', idToken: token } as const;
  return { ...personIn(plain(payload), 'sub'), access, endsAt: exp * 1000 };
}

/** In a header, because whatever stands in a URL stays in histories and logs; as it is, or as a bearer token. */
function tokenIn({ headers }: ProviderAnswer, { headerName }: JwtConfig): string {
  const value = headers[headerName.toLowerCase()];
  if (typeof value !== 'string' || value === '') throw refusal(`there is none in the header ${headerName}`);
  return value.replace(/^bearer +/i, '');
}

async function verify(app: App, { issuer, keysEndpoint }: JwtConfig, token: string): Promise<JWTVerifyResult> {
  try {
    return await jwtVerify(token, keysAt(app, keysEndpoint), {
      algorithms,
      issuer,
      audience: app.settings.publicUrl,
      currentDate: app.clock(),
      maxTokenAge: maximumAge,
      clockTolerance,
      requiredClaims: ['sub', 'exp'],
    });
  } catch (error) {
    // The error of a claim holds them all, and they are about a person: only its words go on.
    if (error instanceof errors.JOSEError && !ofKeys.has(error.code)) throw refusal(error.message);
    throw error;
  }
}

/** What is wrong with the provider, and not with a token. */
const ofKeys = new Set([errors.JOSEError.code, errors.JWKSInvalid.code, errors.JWKSTimeout.code]);

const refusal = (problem: string) => new ProviderRefusal('access_denied', `the token was refused: ${problem}`);

/** Milliseconds for which keys are used without asking again. */
const keysMs = 10 * 60 * 1000;
/** Milliseconds before an unknown key has them asked for again: tokens of strangers must not make us call all the time. */
const cooldownMs = 30 * 1000;
/** Providers whose keys are kept at once. */
const maximumKept = 100;

/** By the client that fetches them, and then by URL. */
const kept = new WeakMap<HttpClient, Map<string, RemoteJWKSet>>();

function keysAt(app: App, url: string): RemoteJWKSet {
  const sets = kept.get(app.http) ?? new Map<string, RemoteJWKSet>();
  kept.set(app.http, sets);
  const known = sets.get(url) ?? newKeys(app, url);
  // The one that was not used for the longest time goes first.
  sets.delete(url);
  sets.set(url, known);
  const [oldest] = sets.keys();
  if (sets.size > maximumKept && oldest !== undefined) sets.delete(oldest);
  return known;
}

const newKeys = (app: App, url: string): RemoteJWKSet =>
  createRemoteJWKSet(new URL(url), {
    cacheMaxAge: keysMs,
    cooldownDuration: cooldownMs,
    timeoutDuration: answerMs,
    [customFetch]: (to, { method, headers }) => providerFetch(app)(to, { method, headers: Object.fromEntries(headers) }),
  });
