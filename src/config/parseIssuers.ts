// How the issuers elsewhere are written whose tokens we take.
import type { TrustedIssuer } from '../kernel/settings.ts';
import { Problem } from './parse.ts';

/** Signatures only: with a shared secret, whoever can check a token could make one (RFC 8725, 3.1). */
const known = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];
const fields = ['issuer', 'jwksUri', 'audience', 'algorithms', 'claim', 'matches'];

export function trustedIssuers(text: string): TrustedIssuer[] {
  const list = jsonOf(text);
  if (!Array.isArray(list)) throw new Problem('write a JSON list: [{"issuer": "https://…", "audience": "…"}]');
  const issuers = list.map(issuerOf);
  const names = new Set(issuers.map(({ issuer }) => issuer));
  if (names.size < issuers.length) throw new Problem('an issuer stands in it twice');
  return issuers;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem('it is not JSON');
  }
}

function issuerOf(entry: unknown): TrustedIssuer {
  if (typeof entry !== 'object' || entry === null) throw new Problem('each issuer is an object');
  const given = new Map<string, unknown>(Object.entries(entry));
  const unknown = [...given.keys()].find((name) => !fields.includes(name));
  if (unknown !== undefined) throw new Problem(`an issuer has no ${unknown}; it has ${fields.join(', ')}`);
  const algorithms = given.get('algorithms') ?? ['RS256', 'ES256'];
  if (!Array.isArray(algorithms) || algorithms.length === 0 || !algorithms.every((one) => known.includes(one))) {
    throw new Problem(`algorithms are a list of ${known.join(', ')}`);
  }
  const matches = given.get('matches') ?? 'id';
  if (matches !== 'id' && matches !== 'username') throw new Problem('matches is id or username');
  const issuer = textIn(given, 'issuer');
  const jwksUri = given.has('jwksUri') ? textIn(given, 'jwksUri') : undefined;
  for (const url of [issuer, ...(jwksUri === undefined ? [] : [jwksUri])]) {
    if (!/^https?:\/\//.test(url) || !URL.canParse(url)) throw new Problem('issuer and jwksUri are http or https URLs');
  }
  const claim = given.has('claim') ? textIn(given, 'claim') : 'sub';
  return { issuer, jwksUri, audience: textIn(given, 'audience'), algorithms, claim, matches };
}

function textIn(given: ReadonlyMap<string, unknown>, name: string): string {
  const value = given.get(name);
  if (typeof value !== 'string' || value === '') throw new Problem(`each issuer needs a text as ${name}`);
  return value;
}
