import type { Credentials } from '../../features/oauth/client.ts';
import { OauthRefusal } from '../../features/oauth/refusal.ts';
import type { NodeRequest } from '../../server/handler.ts';
import { UnreadableBody } from '../body.ts';
import { readForm } from '../form.ts';

/** What a request says, each name once; what is empty counts as not there (RFC 6749, 3.2). */
export type Parameters = ReadonlyMap<string, string>;

const unreadable = (description: string) => new OauthRefusal('invalid_request', description);

/** invalid_request for what is no form, is too long, takes too long, or says something twice. */
export async function readParameters(request: NodeRequest): Promise<Parameters> {
  const form = await readForm(request).catch((error: unknown) => {
    if (error instanceof UnreadableBody) throw unreadable(problems[error.status]);
    throw error;
  });
  const parameters = new Map<string, string>();
  for (const [name, value] of form) {
    if (parameters.has(name)) throw unreadable('A parameter is there twice.');
    parameters.set(name, value);
  }
  return new Map([...parameters].filter(([, value]) => value !== ''));
}

const problems = {
  400: 'The body cannot be read.',
  408: 'The body did not arrive in time.',
  413: 'The body is too long.',
  415: 'The body is application/x-www-form-urlencoded, and not compressed.',
} as const;

/** The parameter, or invalid_request. */
export function needed(parameters: Parameters, name: string): string {
  const value = parameters.get(name);
  if (value === undefined) throw unreadable(`The parameter ${name} is missing.`);
  return value;
}

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/**
 * How the client shows who it is: by HTTP Basic, by parameters, or by an assertion (RFC 6749, 2.3; RFC 7523, 2.2).
 * Undefined where it shows nothing; invalid_request for two ways at once.
 */
export function credentialsIn({ headers }: NodeRequest, parameters: Parameters): Credentials | undefined {
  const basic = headers.authorization === undefined ? undefined : basicIn(headers.authorization);
  const secret = parameters.get('client_secret');
  const assertion = parameters.get('client_assertion');
  if ([basic, secret, assertion].filter((way) => way !== undefined).length > 1) {
    throw unreadable('The client shows who it is in two ways; use one.');
  }
  if (assertion !== undefined) {
    if (needed(parameters, 'client_assertion_type') !== assertionType)
      throw unreadable('The client_assertion_type is not known.');
    return { by: 'assertion', clientId: parameters.get('client_id'), assertion };
  }
  if (secret !== undefined) return { by: 'secret', clientId: needed(parameters, 'client_id'), secret };
  return basic;
}

/** RFC 6749, 2.3.1: both parts are encoded as in a form before they are put together. */
function basicIn(authorization: string): Credentials | undefined {
  const [, encoded] = /^Basic +([\w+/=-]+) *$/i.exec(authorization) ?? [];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  const [clientId, secret] = [decoded(text.slice(0, Math.max(colon, 0))), decoded(text.slice(colon + 1))];
  if (colon < 0 || clientId === undefined || secret === undefined) throw unreadable('The Authorization header cannot be read.');
  return { by: 'secret', clientId, secret };
}

/** Undefined for what cannot be read, and for what Postgres cannot hold. */
function decoded(text: string): string | undefined {
  try {
    const plain = decodeURIComponent(text.replaceAll('+', ' '));
    return plain.includes('\0') ? undefined : plain;
  } catch {
    return undefined;
  }
}
