// What a session asks of its user, to be answered in a later call.
import { randomBytes } from 'node:crypto';
import type { JsonObject } from '@bufbuild/protobuf';
import type { Tx, UserRow } from '../../kernel/call.ts';
import { failure } from '../../kernel/errors.ts';
import type { Channel } from '../../kernel/outbox/message.ts';
import { enqueue } from '../../kernel/outbox/outbox.ts';
import type { Reason } from '../../kernel/reasons.ts';
import { hasFactor } from '../otp/repository.ts';
import { requestOptions } from '../passkey/assertion.ts';
import { challengeBytes } from '../passkey/ceremony.ts';
import { type Kind, listOfKind } from '../passkey/repository.ts';
import { makeCode } from './codes.ts';
import { refuseState } from './prepare.ts';
import { type ChallengeRow, writeChallenge } from './repository.ts';

type UserVerification = ChallengeRow['userVerification'];

/** Where the code of a challenge goes. */
export type Delivery = { kind: 'send'; urlTemplate?: string | undefined } | { kind: 'return' };

/** The challenges to make; what is absent is not. */
export interface Challenges {
  webauthn?: { rpId: string; userVerification: UserVerification } | undefined;
  otpSms?: Delivery | undefined;
  otpEmail?: Delivery | undefined;
}

export interface Made {
  /** For the browser. */
  webauthn?: JsonObject;
  /** The codes that are to be returned. */
  otpSms?: string | undefined;
  otpEmail?: string | undefined;
}

/** What signs: a passkey where the user has to be verified, else a key that stands beside another factor. */
export const kindOf = (userVerification: UserVerification): Kind => (userVerification === 'required' ? 'passkey' : 'u2f');

/** SESSION_USER_MISSING, USER_NOT_ACTIVE, CREDENTIAL_ABSENT, OTP_ABSENT, PHONE_NOT_VERIFIED, EMAIL_NOT_VERIFIED, SENT_TOO_OFTEN. */
export async function makeChallenges(
  tx: Tx,
  sessionId: string,
  user: UserRow | undefined,
  { webauthn, otpSms, otpEmail }: Challenges,
): Promise<Made> {
  return {
    ...(webauthn && { webauthn: await challengeWebauthn(tx, sessionId, refuseState(user), webauthn) }),
    ...(otpSms && { otpSms: await challengeOtp(tx, sessionId, refuseState(user), 'sms', otpSms) }),
    ...(otpEmail && { otpEmail: await challengeOtp(tx, sessionId, refuseState(user), 'email', otpEmail) }),
  };
}

/** Milliseconds until an answer comes too late. */
const webauthnMs = 5 * 60 * 1000;

async function challengeWebauthn(
  tx: Tx,
  sessionId: string,
  user: UserRow,
  { rpId, userVerification }: NonNullable<Challenges['webauthn']>,
): Promise<JsonObject> {
  const ofUser = await listOfKind(tx.db, user.id, kindOf(userVerification));
  const credentials = ofUser.filter((credential) => credential.rpId === rpId);
  if (credentials.length === 0) throw failure('CREDENTIAL_ABSENT');
  const challenge = randomBytes(challengeBytes);
  const expiresAt = new Date(tx.now.getTime() + webauthnMs);
  await writeChallenge(tx, { sessionId, rpId, challenge, userVerification, expiresAt });
  return requestOptions(credentials, { rpId, challenge, userVerification, timeout: webauthnMs });
}

const unverified: Record<Channel, Reason> = { sms: 'PHONE_NOT_VERIFIED', email: 'EMAIL_NOT_VERIFIED' };

async function challengeOtp(
  tx: Tx,
  sessionId: string,
  user: UserRow,
  channel: Channel,
  delivery: Delivery,
): Promise<string | undefined> {
  if (!(await hasFactor(tx.db, user.id, channel))) throw failure('OTP_ABSENT');
  if (!(channel === 'sms' ? user.phoneVerified : user.emailVerified)) throw failure(unverified[channel]);
  if (delivery.kind === 'send') tx.challengeLimits.take(`${channel} ${user.id}`, tx.now);
  const code = await makeCode(tx, { sessionId, channel });
  if (delivery.kind === 'return') return code.code;
  await enqueue(tx, user, channel, { kind: 'otp', sessionId, ...code, urlTemplate: delivery.urlTemplate });
  return undefined;
}
