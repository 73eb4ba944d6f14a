// Registering a credential, passkey or security key: a beginning and an end, which only the same user's answer joins.
import { randomBytes } from 'node:crypto';
import type { JsonObject } from '@bufbuild/protobuf';
import { isVisible, refusedProof } from '../../kernel/auth/authorize.ts';
import { type Call, type Tx, transaction, type UserRow } from '../../kernel/call.ts';
import { failure, invalidField } from '../../kernel/errors.ts';
import type { Reason } from '../../kernel/reasons.ts';
import { type Details, record } from '../user/events.ts';
import { personOf, tellAtOnce, withDetails } from '../user/person.ts';
import { lockUser } from '../user/repository.ts';
import { challengeBytes } from './ceremony.ts';
import { type Attachment, creationOptions, registrationMs, verifyRegistration } from './registration.ts';
import {
  deleteRegistration,
  findRegistration,
  insertCredential,
  type Kind,
  listCredentials,
  writeRegistration,
} from './repository.ts';

export interface Begun {
  id: string;
  options: JsonObject;
}

/** A registration that waits for its answer; one of the same kind that waited is forgotten. */
export async function begin(tx: Tx, user: UserRow, kind: Kind, rpId: string, attachment?: Attachment): Promise<Begun> {
  const id = tx.ids.next();
  const challenge = randomBytes(challengeBytes);
  const expiresAt = new Date(tx.now.getTime() + registrationMs);
  await writeRegistration(tx, { userId: user.id, kind, id, rpId, challenge, expiresAt });
  await record(tx, user.id, { type: `${kind}.registered`, credential: id });
  const known = (await listCredentials(tx.db, user.id)).filter((credential) => credential.rpId === rpId);
  return { id, options: creationOptions(tx, user, { rpId, challenge, attachment, known }) };
}

export interface Answer {
  kind: Kind;
  /** Of the registration, and of the credential that comes of it. */
  id: string;
  credential: JsonObject;
  name: string;
}

const missing: Record<Kind, Reason> = { passkey: 'PASSKEY_NOT_FOUND', u2f: 'U2F_NOT_FOUND' };
const field = 'public_key_credential';

/**
 * The answer to a registration: the challenge that it signs is the proof. A right one ends it, a wrong one leaves it as it
 * was. WEBAUTHN_…, USER_NOT_ACTIVE; strangers are told of nothing but success.
 */
export async function finish(call: Call, userId: string, answer: Answer): Promise<Details> {
  const { id, kind, credential, name } = answer;
  return transaction(call, async (tx) => {
    const user = personOf(await lockUser(tx, userId));
    tellAtOnce(tx, user);
    const registration = await findRegistration(tx, userId, kind);
    if (!user || registration?.id !== id) throw refusedProof(tx, user, missing[kind]);
    if (user.state !== 'active') throw refusedProof(tx, user, 'USER_NOT_ACTIVE');
    const made = await told(tx, user, async () => {
      if (registration.expiresAt <= tx.now) throw invalidField('WEBAUTHN_EXPIRED', field);
      return verifyRegistration(tx, credential, registration, field);
    });
    const { rpId } = registration;
    const row = { id, userId, kind, name, rpId, ...made, createdAt: tx.now, lastUsedAt: null };
    if (!(await insertCredential(tx, row))) throw refusedProof(tx, user, 'WEBAUTHN_CREDENTIAL_KNOWN');
    await deleteRegistration(tx, userId, kind, id);
    await record(tx, userId, { type: `${kind}.added`, credential: id });
    return (await withDetails(tx, user, {})).details;
  });
}

/** What is wrong with an answer is for those to know who see the user. */
async function told<T>(tx: Tx, user: UserRow, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isVisible(tx, user) ? error : failure('USER_NOT_FOUND');
  }
}
