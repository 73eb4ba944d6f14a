// Sign-ins at identity providers: begun by any caller, finished by the browser that comes back, and used by whoever has the
// token that it comes back with.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { tokenHash } from '../../kernel/auth/tokens.ts';
import { type App, type Call, type Tx, transaction } from '../../kernel/call.ts';
import { open, seal } from '../../kernel/crypto/seal.ts';
import { findInstanceId } from '../../kernel/db/instance.ts';
import { failure, toldBy } from '../../kernel/errors.ts';
import { checkRedirect } from '../../kernel/links.ts';
import { textKey } from '../../kernel/names.ts';
import type { Reason } from '../../kernel/reasons.ts';
import { type Begun, type Identity, type Journey, ProviderRefusal } from '../idp/identity.ts';
import { findLinkedUser } from '../idp/linkRepository.ts';
import { beginAt, finishAt, type ProviderAnswer, signInAt } from '../idp/protocols/protocols.ts';
import { findProvider, keepProvider, type ProviderRow } from '../idp/repository.ts';
import {
  consumeIntent,
  endIntent,
  findIntent,
  type IntentRow,
  insertIntent,
  takeJourney,
  type WrittenIntent,
} from './repository.ts';

/** Milliseconds that a person has to sign in there. */
const journeyMs = 60 * 60 * 1000;
/** Milliseconds for which the result can be used, unless the provider says sooner. */
const resultMs = 60 * 60 * 1000;

export interface Urls {
  success: string;
  failure: string;
  /** Whom the provider should offer first; empty: nobody. */
  loginHint: string;
}

export type Started = { written: WrittenIntent } & (
  | { kind: 'journey'; journey: Journey }
  | { kind: 'finished'; token: string; userId: string }
);

/**
 * PROVIDER_UNKNOWN, PROVIDER_INACTIVE, PROVIDER_UNAVAILABLE, PROVIDER_ANSWER_WRONG; URL_TEMPLATE_INVALID for URLs that nobody
 * may be sent to.
 */
export async function startJourney(call: Call, providerId: string, urls: Urls): Promise<Started> {
  checkRedirect(call, urls.success, 'urls.success_url');
  checkRedirect(call, urls.failure, 'urls.failure_url');
  const provider = await activeProvider(call, providerId);
  const id = newId();
  const beginning = beginAt(call, provider, { id, loginHint: urls.loginHint });
  const { journey, expected } = await unlessRefused(call, provider, 'PROVIDER_ANSWER_WRONG', beginning);
  const written = await transaction(call, async (tx) => {
    await stillActive(tx, providerId);
    return insertIntent(tx, blank(tx, provider, id, expected, urls));
  });
  return { kind: 'journey', journey, written };
}

/** With the name and the password that somebody has at a directory: answered at once. CREDENTIALS_WRONG, and as above. */
export async function startWithPassword(
  call: Call,
  providerId: string,
  credentials: { userName: string; password: string },
): Promise<Started> {
  const provider = await activeProvider(call, providerId);
  const identity = await unlessRefused(call, provider, 'CREDENTIALS_WRONG', signInAt(call, provider, credentials));
  const id = newId();
  return transaction(call, async (tx) => {
    await stillActive(tx, providerId);
    await insertIntent(tx, blank(tx, provider, id, {}, { success: '', failure: '', loginHint: '' }));
    const { token, written } = await succeed(tx, provider, id, identity);
    const userId = (await findLinkedUser(tx.db, provider.id, identity.externalId)) ?? '';
    return { kind: 'finished', token, userId, written };
  });
}

/**
 * Whoever knows it can end the journey by coming back with nonsense, and so nobody is to guess it: 18 digits as other ids have,
 * but random ones.
 */
const newId = (): string => String(randomBytes(8).readBigUInt64BE() % 10n ** 18n).padStart(18, '0');

const blank = (tx: Tx, provider: ProviderRow, id: string, expected: Begun['expected'], urls: Urls): IntentRow => ({
  id,
  providerId: provider.id,
  creatorId: tx.caller.id,
  state: 'started',
  successUrl: urls.success,
  failureUrl: urls.failure,
  expected: seal(tx.keys.seal, `${place(id)}/expected`, JSON.stringify(expected)),
  tokenHash: null,
  externalId: '',
  externalName: '',
  result: null,
  sequence: 1n,
  createdAt: tx.now,
  changedAt: tx.now,
  expiresAt: new Date(tx.now.getTime() + journeyMs),
});

const activeProvider = async ({ db }: Call, id: string): Promise<ProviderRow> => active(await findProvider(db, id), id);

/** After a provider was asked, which takes its time: what it is by now counts. */
const stillActive = async (tx: Tx, id: string): Promise<ProviderRow> => active(await keepProvider(tx, id), id);

function active(provider: ProviderRow | undefined, id: string): ProviderRow {
  if (!provider) throw failure('PROVIDER_UNKNOWN', { metadata: { provider: id } });
  if (provider.state !== 'active') throw failure('PROVIDER_INACTIVE');
  return provider;
}

const place = (id: string) => `intent/${id}`;

/** Where the browser goes from here. */
export interface Return {
  url: string;
}

/**
 * The browser is back from a provider. Undefined where nobody knows of such a journey, or it has ended: there is nowhere
 * to send it. Whatever else goes wrong is told to the failure URL.
 */
export async function finishJourney(call: Call, id: string, answer: ProviderAnswer): Promise<Return | undefined> {
  // Taken before anybody is asked: an answer that comes twice is presented to the provider once.
  const intent = await transaction(call, (tx) => takeJourney(tx, id));
  if (!intent) return undefined;
  try {
    const provider = await activeProvider(call, intent.providerId);
    const expected: Begun['expected'] = JSON.parse(open(call.keys.seal, `${place(id)}/expected`, intent.expected));
    const identity = await finishAt(call, provider, { id, expected, answer });
    return await transaction(call, async (tx) => {
      const now = await stillActive(tx, provider.id);
      const { token } = await succeed(tx, now, id, identity);
      const userId = await findLinkedUser(tx.db, provider.id, identity.externalId);
      return back(intent.successUrl, { id, token, ...(userId !== undefined && { user: userId }) });
    });
  } catch (error) {
    return fail(call, intent, error);
  }
}

/** Whether a journey leads through that provider: what another one posts is not for it. */
export const leadsThrough = async ({ db }: Pick<App, 'db'>, intentId: string, providerId: string): Promise<boolean> =>
  (await findIntent(db, intentId))?.providerId === providerId;

async function fail(call: Call, { id, providerId, failureUrl }: IntentRow, error: unknown): Promise<Return | undefined> {
  const refusal = refusalFor(error);
  const about = { intent: id, provider: providerId, err: error };
  if (error !== refusal && !toldBy(error)) call.log.error(about, 'a bug: this error was not expected');
  else call.log[isFaulty(refusal) ? 'warn' : 'debug'](about, 'a sign-in at a provider failed');
  const ended = await transaction(call, (tx) => endIntent(tx, id, { state: 'failed' }));
  return ended && back(failureUrl, { id, error: refusal.code, error_description: refusal.message });
}

/** What whoever began it is told; of anything else than a refusal nothing that could be somebody's text. */
function refusalFor(error: unknown): ProviderRefusal {
  if (error instanceof ProviderRefusal) return error;
  if (toldBy(error)) return new ProviderRefusal('access_denied', 'the provider cannot be used any more');
  return new ProviderRefusal('server_error', 'the sign-in did not succeed');
}

const isAway = ({ code }: ProviderRefusal) => code === 'temporarily_unavailable';
/** Whether the one who runs the service may have to do something about it. */
const isFaulty = (refusal: ProviderRefusal) => isAway(refusal) || faults.has(refusal.code);
/** The provider is at fault, or says that we are: it was asked otherwise than it was set up for (RFC 6749, 4.1.2.1). */
const faults = new Set([
  ...['server_error', 'invalid_request', 'unauthorized_client', 'unsupported_response_type', 'invalid_scope'],
]);

function back(url: string, parameters: Readonly<Record<string, string>>): Return {
  const target = new URL(url);
  for (const [name, value] of Object.entries(parameters)) target.searchParams.set(name, value);
  return { url: target.href };
}

/** Ends a journey with who came back. A ProviderRefusal when it has ended meanwhile. */
async function succeed(tx: Tx, provider: ProviderRow, id: string, identity: Identity) {
  const token = randomBytes(32).toString('base64url');
  const ends = Math.min(tx.now.getTime() + resultMs, identity.endsAt ?? Number.POSITIVE_INFINITY);
  const written = await endIntent(tx, id, {
    state: 'succeeded',
    tokenHash: intentHash(tx, id, token),
    externalId: identity.externalId,
    externalName: identity.userName,
    result: seal(tx.keys.seal, place(id), JSON.stringify(identity)),
    expiresAt: new Date(ends),
  });
  if (!written) throw new ProviderRefusal('access_denied', `the sign-in at ${provider.name} has ended before`);
  return { token, written };
}

// Bound to the intent: the token of another one never matches.
const intentHash = ({ keys }: Pick<App, 'keys'>, id: string, token: string): Buffer =>
  tokenHash(keys, JSON.stringify(['intent', id, token]));

export interface Retrieved {
  intent: IntentRow;
  instanceId: string;
  identity: Identity;
  /** Linked now; undefined: nobody. */
  userId: string | undefined;
}

/** INTENT_UNKNOWN, INTENT_NOT_SUCCEEDED, INTENT_EXPIRED. May be read until a session uses it. */
export async function retrieveIdentityProviderIntent(call: Call, id: string, token: string): Promise<Retrieved> {
  const intent = await findIntent(call.db, id);
  const right = intent?.tokenHash ? timingSafeEqual(intentHash(call, id, token), intent.tokenHash) : false;
  if (!intent || !right) throw failure('INTENT_UNKNOWN');
  if (intent.state !== 'succeeded' || intent.result === null) throw failure('INTENT_NOT_SUCCEEDED');
  if (intent.expiresAt <= call.now) throw failure('INTENT_EXPIRED');
  const identity: Identity = JSON.parse(open(call.keys.seal, place(id), intent.result));
  return {
    intent,
    instanceId: await findInstanceId(call.db),
    identity,
    userId: await findLinkedUser(call.db, intent.providerId, identity.externalId),
  };
}

/**
 * Uses an intent up for a user whom it names, by the link of this moment. INTENT_UNKNOWN, INTENT_NOT_SUCCEEDED,
 * INTENT_EXPIRED, PROVIDER_INACTIVE, INTENT_OF_ANOTHER.
 */
export async function useIntent(tx: Tx, { id, token }: { id: string; token: string }, user: { id: string }) {
  const { intent, identity, userId } = await retrieveIdentityProviderIntent(tx, id, token);
  await activeProvider(tx, intent.providerId);
  if (userId !== user.id) throw failure('INTENT_OF_ANOTHER');
  if (!(await consumeIntent(tx, id))) throw failure('INTENT_NOT_SUCCEEDED');
  return { providerId: intent.providerId, externalId: textKey(identity.externalId) };
}

/** PROVIDER_UNAVAILABLE for a provider that does not answer, PROVIDER_ANSWER_WRONG for its own fault; else `otherwise`. */
async function unlessRefused<T>(call: Call, { id }: ProviderRow, otherwise: Reason, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof ProviderRefusal)) throw error;
    call.log[isFaulty(error) ? 'warn' : 'debug']({ provider: id, err: error }, 'a sign-in at a provider could not begin');
    const faulty = isFaulty(error) ? 'PROVIDER_ANSWER_WRONG' : otherwise;
    throw failure(isAway(error) ? 'PROVIDER_UNAVAILABLE' : faulty, { cause: error });
  }
}
