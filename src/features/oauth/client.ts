// How a machine shows who it is: by its secret, or by what it signed with one of its keys.
import { timingSafeEqual } from 'node:crypto';
import type { App } from '../../kernel/call.ts';
import { textKey } from '../../kernel/names.ts';
import { secretHash } from '../machine/secret.ts';
import { checkAssertion, type SignedBy } from './assertion.ts';
import { OauthRefusal } from './refusal.ts';
import { findSecrets, type Machine, useAssertion } from './repository.ts';

/** What a request shows. */
export type Credentials =
  | { by: 'secret'; clientId: string; secret: string }
  // The id need not be told, but then has to be the signer's (RFC 7521, 4.2).
  | { by: 'assertion'; clientId: string | undefined; assertion: string };

/** A machine that has shown that it holds its secret. */
export interface KnowsSecret {
  by: 'secret';
  machine: Machine;
  hash: Buffer;
}

export type Proof = SignedBy | KnowsSecret;

/** One request, before anybody knows who makes it. */
export interface Asking {
  app: App;
  now: Date;
  /** Where it comes from, as limits count it. */
  network: string;
}

/**
 * Whose credentials they are. invalid_client for whatever is wrong with them, TRIED_TOO_OFTEN when the network has tried
 * too many of those. A signed one is not used up yet.
 */
export async function prove(asking: Asking, credentials: Credentials): Promise<Proof> {
  const proof = credentials.by === 'secret' ? await checkSecret(asking.app, credentials) : await checkSigned(asking, credentials);
  return proof ?? refuse(asking, new OauthRefusal('invalid_client', 'The client is not known by these credentials.'));
}

/** Only what was wrong counts, as with tokens: nobody can guess a secret, and nobody can keep its owner waiting. */
export function refuse({ app, now, network }: Asking, refusal: OauthRefusal): never {
  app.tryLimits.take(network, now);
  throw refusal;
}

/** A client id is a username, as in the original, or an id. Where it is one machine's id and another's name, the secret tells. */
async function checkSecret(
  { db, keys }: App,
  { clientId, secret }: Extract<Credentials, { by: 'secret' }>,
): Promise<KnowsSecret | undefined> {
  const found = await findSecrets(db, clientId, textKey(clientId));
  let right: KnowsSecret | undefined;
  for (const { hash, ...machine } of found) {
    if (timingSafeEqual(hash, secretHash(keys, machine.userId, secret))) right = { by: 'secret', machine, hash };
  }
  // Nobody's costs as much as somebody's.
  if (found.length === 0) secretHash(keys, clientId, secret);
  return right;
}

async function checkSigned(
  { app, now }: Asking,
  { clientId, assertion }: Extract<Credentials, { by: 'assertion' }>,
): Promise<SignedBy | undefined> {
  const proof = await checkAssertion(app, now, assertion);
  return clientId === undefined || clientId === proof?.machine.userId ? proof : undefined;
}

/** The machine that asks about tokens: what it signed for that is used up here. */
export async function authenticateClient(asking: Asking, credentials: Credentials): Promise<Machine> {
  const proof = await prove(asking, credentials);
  if (proof.by === 'key') await useUp(asking.app.db, proof, 'invalid_client');
  return proof.machine;
}

/** Takes an assertion with an id once. Whoever has signed it is told so. */
export async function useUp(db: App['db'], { once }: SignedBy, error: 'invalid_client' | 'invalid_grant'): Promise<void> {
  if (!once || (await useAssertion(db, once.hash, once.expiresAt))) return;
  throw new OauthRefusal(error, 'The assertion was used before; sign another one.');
}
