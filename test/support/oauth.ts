// Service users as clients: what they sign and send, as no library of ours would do it.
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { SignJWT } from 'jose';
import type { AccessTokenType } from '../../gen/zitadel/user/v2/user_pb.ts';
import { createMachine } from './actors.ts';
import type { TestServer } from './server.ts';

export const issuer = 'https://roster.example.com';
export const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
export const clientAssertion = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const dayMs = 86_400_000;

export interface Told {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

/** Posts a form as it is given. */
export async function post(
  server: Pick<TestServer, 'address'>,
  path: string,
  form: Record<string, string> | string,
  headers: Record<string, string> = {},
): Promise<Told> {
  const body = typeof form === 'string' ? form : new URLSearchParams(form).toString();
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  const response = await fetch(`${server.address}${path}`, { method: 'POST', body, headers: { ...type, ...headers } });
  return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) };
}

export const askToken = (server: Pick<TestServer, 'address'>, form: Record<string, string>, headers?: Record<string, string>) =>
  post(server, '/oauth/v2/token', form, headers);

/** What it comes to: `200`, or the status with the error. */
export async function outcomeOf(told: Promise<Told>): Promise<string> {
  const { status, body } = await told;
  return status === 200 ? '200' : `${status} ${body.error}`;
}

export const tokenOf = ({ body, status }: Told): string => {
  if (status !== 200 || typeof body.access_token !== 'string') throw new Error(`no token: ${JSON.stringify(body)}`);
  return body.access_token;
};

export const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`,
});

export interface Key {
  userId: string;
  keyId: string;
  /** PKCS #1 in PEM, as the file has it. */
  pem: string;
  privateKey: KeyObject;
}

/** A key of a machine, for a year unless told otherwise. */
export async function addKey(server: TestServer, userId: string, lifeMs = 365 * dayMs): Promise<Key> {
  const expirationDate = timestampFromDate(new Date(server.app.clock().getTime() + lifeMs));
  const { keyContent } = await server.as().users.addKey({ userId, expirationDate });
  const { keyId, key } = JSON.parse(Buffer.from(keyContent).toString());
  return { userId, keyId, pem: key, privateKey: createPrivateKey(key) };
}

export async function addSecret(server: TestServer, userId: string): Promise<string> {
  return (await server.as().users.addSecret({ userId })).clientSecret;
}

interface Signed {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  signWith?: KeyObject | Uint8Array;
}

/** As the original's clients sign it, but for what is given; a claim that is undefined is left out. */
export function sign(
  { userId, keyId, privateKey }: Key,
  now: Date,
  { claims = {}, header = {}, signWith }: Signed = {},
): Promise<string> {
  const iat = Math.floor(now.getTime() / 1000);
  const usual = { iss: userId, sub: userId, aud: issuer, iat, exp: iat + 3600 };
  const { alg, ...rest } = { alg: 'RS256', kid: keyId, ...header };
  return new SignJWT(JSON.parse(JSON.stringify({ ...usual, ...claims })))
    .setProtectedHeader({ alg: String(alg), ...rest })
    .sign(signWith ?? privateKey);
}

/** A token for an assertion with an id of its own. */
export const tokenByKey = async (server: TestServer, key: Key): Promise<string> => {
  const assertion = await sign(key, server.app.clock(), { claims: { jti: server.app.ids.next() } });
  return tokenOf(await askToken(server, { grant_type: jwtBearer, assertion }));
};

export const tokenBySecret = async (server: TestServer, userId: string, secret: string): Promise<string> =>
  tokenOf(await askToken(server, { grant_type: 'client_credentials', client_id: userId, client_secret: secret }));

/** A machine with a secret and a key, whose tokens are of the kind. */
export async function createClient(server: TestServer, accessTokenType: AccessTokenType) {
  const userId = await createMachine(server, { accessTokenType });
  return { userId, secret: await addSecret(server, userId), key: await addKey(server, userId) };
}
