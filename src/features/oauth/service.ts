// Owns: the tokens that machines get for a key or a secret (RFC 6749, 7523), and what is told of tokens (RFC 7662). Leaves the
// keys and secrets themselves to features/machine, and whether a token may be used to kernel/auth/accessTokens.ts.
import { accessTokenLifetimeMs, isJwt, newAccessToken } from '../../kernel/auth/accessTokens.ts';
import { isOurs, signAccessToken } from '../../kernel/auth/jwtTokens.ts';
import { tokenHash } from '../../kernel/auth/tokens.ts';
import { type App, type Call, type Tx, transaction } from '../../kernel/call.ts';
import { record } from '../user/events.ts';
import { lockUser } from '../user/repository.ts';
import { checkAssertion } from './assertion.ts';
import { type Asking, type Credentials, type Proof, prove, refuse, useUp } from './client.ts';
import { OauthRefusal } from './refusal.ts';
import { findToken, insertAccessToken, keyExists, secretExists, type TokenFacts } from './repository.ts';

/** What a machine asks a token for. */
export type Grant = { type: 'assertion'; assertion: string } | { type: 'client'; credentials: Credentials };

export interface GivenToken {
  /** Nobody is told again. */
  token: string;
  scope: string;
  /** Seconds. */
  expiresIn: number;
}

/** A token for the machine that the grant shows. invalid_grant, invalid_client, invalid_scope, TRIED_TOO_OFTEN. */
export async function giveToken(asking: Asking, grant: Grant, scope: string): Promise<GivenToken> {
  checkScope(scope);
  const proof = grant.type === 'client' ? await prove(asking, grant.credentials) : await proveByGrant(asking, grant.assertion);
  const { app, now: createdAt } = asking;
  const { userId } = proof.machine;
  const contents = { id: app.ids.next(), userId, scope, createdAt, expiresAt: expiryOf(proof, createdAt) };
  const token = proof.machine.accessTokenType === 'jwt' ? await signAccessToken(app, contents) : newAccessToken();
  await transaction(callOf(asking, proof), async (tx) => {
    if (!(await stillHolds(tx, proof))) throw new OauthRefusal(errorOf(grant), 'The credentials have been taken away.');
    if (proof.by === 'key') await useUp(tx.db, proof, errorOf(grant));
    const madeFrom = proof.by === 'key' ? { keyId: proof.machine.keyId } : { secretUserId: userId };
    await record(tx, userId, eventOf(proof, contents.id));
    await insertAccessToken(tx, { ...contents, ...madeFrom, hash: tokenHash(app.keys, token) });
  });
  return { token, scope, expiresIn: Math.floor((contents.expiresAt.getTime() - createdAt.getTime()) / 1000) };
}

async function proveByGrant(asking: Asking, assertion: string): Promise<Proof> {
  const proof = await checkAssertion(asking.app, asking.now, assertion);
  return (
    proof ?? refuse(asking, new OauthRefusal('invalid_grant', 'The assertion is none that a key of a service user has signed.'))
  );
}

const errorOf = ({ type }: Grant) => (type === 'client' ? 'invalid_client' : 'invalid_grant');

/** Characters of a scope. */
const maximumScope = 2_000;

/** RFC 6749, 3.3. Scopes open and close nothing here: what a caller may do, its roles say. */
function checkScope(scope: string): void {
  const isScope = scope === '' || /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/.test(scope);
  if (!isScope || scope.length > maximumScope) throw new OauthRefusal('invalid_scope', 'The scope cannot be read.');
}

/** No token outlives the key that it was given for. */
function expiryOf(proof: Proof, now: Date): Date {
  const latest = new Date(now.getTime() + accessTokenLifetimeMs);
  return proof.by === 'key' && proof.machine.expiresAt < latest ? proof.machine.expiresAt : latest;
}

/** The machine's own call, which needs no right. */
function callOf({ app, now, network }: Asking, { machine: { userId: id, organizationId } }: Proof): Call {
  const caller = { id, organizationId, type: 'machine', everywhere: new Set<never>(), within: new Map<never, never>() } as const;
  return { ...app, caller, access: { on: 'nothing' }, now, organizationId, subject: undefined, network };
}

/** Locks the machine: whoever takes its credentials away does so too, before or after. */
async function stillHolds(tx: Tx, proof: Proof): Promise<boolean> {
  const { userId } = proof.machine;
  const user = await lockUser(tx, userId);
  if (user?.state !== 'active') return false;
  return proof.by === 'key' ? keyExists(tx, proof.machine.keyId) : secretExists(tx, userId, proof.hash);
}

const eventOf = (proof: Proof, tokenId: string) =>
  proof.by === 'key'
    ? ({ type: 'key.checked', keyId: proof.machine.keyId, tokenId } as const)
    : ({ type: 'secret.checked', tokenId } as const);

/** What there is to tell of a token of a machine; undefined for one that may not be used, whatever is wrong with it. */
export async function introspect(app: App, now: Date, token: string): Promise<TokenFacts | undefined> {
  if (isJwt(token) && !(await isOurs(app, token, now))) return undefined;
  return findToken(app.db, tokenHash(app.keys, token), now);
}
