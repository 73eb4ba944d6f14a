// One check each: undefined where it was not asked for, else what it changes in the session.
import { ConnectError } from '@connectrpc/connect';
import type { UserRow } from '../../kernel/call.ts';
import { failure, invalidField } from '../../kernel/errors.ts';
import { countTry, settleTry } from '../../kernel/guessing.ts';
import type { Channel } from '../../kernel/outbox/message.ts';
import { useIntent } from '../intent/service.ts';
import { hasFactor } from '../otp/repository.ts';
import { verifyAssertion } from '../passkey/assertion.ts';
import { confirmPassword } from '../password/check.ts';
import { hasRecoveryCodes, useRecoveryCode } from '../recovery/service.ts';
import { checkTotp } from '../totp/service.ts';
import { kindOf } from './challenges.ts';
import type { Checking, Checks } from './checks.ts';
import { lookAtCode } from './codes.ts';
import { refuseState, signInStates } from './prepare.ts';
import { deleteChallenge, findChallenge, type SessionColumns } from './repository.ts';
import { WrongTry } from './wrongTry.ts';

export type Factor = 'user' | 'password' | 'intent' | 'webauthn' | 'totp' | 'otp-sms' | 'otp-email' | 'recovery-code';

type Step = (checking: Checking, checks: Checks) => Promise<SessionColumns | undefined>;

/** What a session has of a user who may sign in. */
export function userColumns(user: UserRow, now: Date) {
  const { id, organizationId } = refuseState(user, signInStates);
  return { userId: id, organizationId, userVerifiedAt: now };
}

/** What it has of a password that was right. */
export const passwordColumns = (now: Date) => ({ passwordVerifiedAt: now, stale: false });

const checkUser: Step = async ({ tx, user }, { user: named }) => {
  if (!named) return undefined;
  // It was there a moment ago, before it was locked.
  if (!user) throw failure('USER_NOT_FOUND');
  return userColumns(user, tx.now);
};

const checkPassword: Step = async ({ tx, user, prepared: { passwordHash } }, { password }) => {
  if (password === undefined) return undefined;
  const { id } = refuseState(user, signInStates);
  const same = passwordHash !== undefined && (await confirmPassword(tx, id, passwordHash));
  if (!same) throw invalidField('PASSWORD_WRONG', 'checks.password.password');
  return passwordColumns(tx.now);
};

const checkIntent: Step = async ({ tx, user }, { intent }) => {
  if (!intent) return undefined;
  const person = refuseState(user);
  const account = await useIntent(tx, intent, person);
  return { intentVerifiedAt: tx.now, intentProviderId: account.providerId, intentExternalId: account.externalId, stale: false };
};

const checkWebauthn: Step = async ({ tx, session, user }, { webauthn }) => {
  if (!webauthn) return undefined;
  const person = refuseState(user);
  const challenge = await findChallenge(tx, session.id);
  if (!challenge) throw failure('CHALLENGE_ABSENT');
  if (challenge.expiresAt <= tx.now) throw failure('CHALLENGE_EXPIRED');
  const kind = kindOf(challenge.userVerification);
  const asked = { ...challenge, userId: person.id, kind, userVerification: challenge.userVerification === 'required' };
  const field = 'checks.web_auth_n.credential_assertion_data';
  const { credential, userVerified } = await verifyAssertion(tx, webauthn, asked, field).catch((error: unknown) => {
    throw error instanceof ConnectError ? new WrongTry(error, { user: person, factor: 'webauthn' }) : error;
  });
  await deleteChallenge(tx, session.id);
  const checked = { webauthnVerifiedAt: tx.now, webauthnUserVerified: userVerified, webauthnCredentialId: credential.id };
  return kind === 'passkey' ? { ...checked, stale: false } : checked;
};

/** A code that is counted as one-time passwords are: before it is looked at, and forgiven when it is right. */
async function tryCode(
  { tx }: Checking,
  person: UserRow,
  { factor, channel }: { factor: Factor; channel?: Channel },
  look: () => Promise<boolean>,
): Promise<void> {
  const guess = { userId: person.id, kind: 'otp', user: person } as const;
  await countTry(tx, guess);
  if (await look()) return settleTry(tx, guess, true);
  const refusal = invalidField('CODE_WRONG', `checks.${factor.replace('-', '_')}.code`);
  throw new WrongTry(refusal, { user: person, factor, guess, ...(channel && { channel }) });
}

const checkTotpCode: Step = async (checking, { totp }) => {
  if (totp === undefined) return undefined;
  const { tx } = checking;
  const person = refuseState(checking.user);
  await tryCode(checking, person, { factor: 'totp' }, async () => {
    const right = await checkTotp(tx, person.id, totp);
    if (right === undefined) throw failure('TOTP_ABSENT');
    return right;
  });
  return { totpVerifiedAt: tx.now };
};

async function checkOtp(checking: Checking, channel: Channel, code: string): Promise<void> {
  const { tx, session } = checking;
  const person = refuseState(checking.user);
  await tryCode(checking, person, { factor: `otp-${channel}`, channel }, async () => {
    if (!(await hasFactor(tx.db, person.id, channel))) throw failure('OTP_ABSENT');
    return lookAtCode(tx, { sessionId: session.id, channel }, code);
  });
}

const checkOtpSms: Step = async (checking, { otpSms }) => {
  if (otpSms === undefined) return undefined;
  await checkOtp(checking, 'sms', otpSms);
  return { otpSmsVerifiedAt: checking.tx.now };
};

const checkOtpEmail: Step = async (checking, { otpEmail }) => {
  if (otpEmail === undefined) return undefined;
  await checkOtp(checking, 'email', otpEmail);
  return { otpEmailVerifiedAt: checking.tx.now };
};

const checkRecoveryCode: Step = async (checking, { recoveryCode }) => {
  if (recoveryCode === undefined) return undefined;
  const { tx, prepared } = checking;
  const person = refuseState(checking.user);
  await tryCode(checking, person, { factor: 'recovery-code' }, async () => {
    if (!(await hasRecoveryCodes(tx, person.id))) throw failure('RECOVERY_CODES_ABSENT');
    return prepared.recoveryHash !== undefined && useRecoveryCode(tx, person.id, prepared.recoveryHash);
  });
  return { recoveryCodeVerifiedAt: tx.now };
};

export const steps: readonly { factor: Factor; step: Step }[] = [
  { factor: 'user', step: checkUser },
  { factor: 'password', step: checkPassword },
  { factor: 'intent', step: checkIntent },
  { factor: 'webauthn', step: checkWebauthn },
  { factor: 'totp', step: checkTotpCode },
  { factor: 'otp-sms', step: checkOtpSms },
  { factor: 'otp-email', step: checkOtpEmail },
  { factor: 'recovery-code', step: checkRecoveryCode },
];
