import type { sessions } from '../db/schema.ts';

/** When each check of a session was made; null where it was not, or no longer counts. */
export type CheckTimes = Pick<
  typeof sessions.$inferSelect,
  | 'passwordVerifiedAt'
  | 'intentVerifiedAt'
  | 'webauthnVerifiedAt'
  | 'webauthnUserVerified'
  | 'totpVerifiedAt'
  | 'otpSmsVerifiedAt'
  | 'otpEmailVerifiedAt'
  | 'recoveryCodeVerifiedAt'
>;

/**
 * How well a session shows who somebody is: 0 not at all, 1 by one factor, 2 by a passkey, or by a password and something
 * else. Two second factors are no more than one: both may lie on the same phone.
 */
export function levelOf(checks: CheckTimes): 0 | 1 | 2 {
  const second = [
    checks.webauthnVerifiedAt,
    checks.totpVerifiedAt,
    checks.otpSmsVerifiedAt,
    checks.otpEmailVerifiedAt,
    checks.recoveryCodeVerifiedAt,
  ].some((time) => time !== null);
  const first = checks.passwordVerifiedAt !== null || checks.intentVerifiedAt !== null;
  if ((checks.webauthnVerifiedAt !== null && checks.webauthnUserVerified) || (first && second)) return 2;
  return first || second ? 1 : 0;
}
