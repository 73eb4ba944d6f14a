// Owns: the answer to what a person can sign in with, always computed from the factors themselves. Leaves the factors to
// their features.
import { authorizeList } from '../../kernel/auth/authorize.ts';
import type { Call } from '../../kernel/call.ts';
import { personOf } from '../user/person.ts';
import { findUser } from '../user/repository.ts';
import { findFactors } from './repository.ts';

export type Method = 'totp' | 'passkey' | 'u2f' | 'otp-sms' | 'otp-email' | 'recovery-code' | 'password' | 'idp';

/** Passkeys and security keys of these relying parties only; undefined: of all. */
export type RelyingParties = ReadonlySet<string> | undefined;

/** The ways that are ready, each once. */
export async function listAuthenticationMethodTypes(call: Call, userId: string, rpIds: RelyingParties): Promise<Method[]> {
  if (!authorizeList(call, personOf(await findUser(call.db, userId)))) return [];
  const { webauthn, totp, otp, password, recovery, link } = await findFactors(call.db, userId);
  const has = (kind: 'passkey' | 'u2f') =>
    webauthn.some((factor) => factor.ready && factor.kind === kind && (rpIds?.has(factor.rpId) ?? true));
  const found: [Method, boolean][] = [
    ['totp', totp?.ready === true],
    ['u2f', has('u2f')],
    ['passkey', has('passkey')],
    ['otp-sms', otp.has('sms')],
    ['otp-email', otp.has('email')],
    ['recovery-code', recovery],
    ['password', password],
    ['idp', link],
  ];
  return found.filter(([, there]) => there).map(([method]) => method);
}

export type FactorType = 'otp' | 'u2f' | 'otp-sms' | 'otp-email';
export const allTypes: ReadonlySet<FactorType> = new Set(['otp', 'u2f', 'otp-sms', 'otp-email']);

export type Factor = { ready: boolean } & ({ type: Exclude<FactorType, 'u2f'> } | { type: 'u2f'; id: string; name: string });

/** The second factors of these types, ready or not as asked. */
export async function listAuthenticationFactors(
  call: Call,
  userId: string,
  types: ReadonlySet<FactorType>,
  readiness: ReadonlySet<boolean>,
): Promise<Factor[]> {
  if (!authorizeList(call, personOf(await findUser(call.db, userId)))) return [];
  const { webauthn, totp, otp } = await findFactors(call.db, userId);
  const all: Factor[] = [
    ...(totp ? [{ type: 'otp', ready: totp.ready } as const] : []),
    ...webauthn.filter(({ kind }) => kind === 'u2f').map(({ id, name, ready }) => ({ type: 'u2f', id, name, ready }) as const),
    ...(otp.has('sms') ? [{ type: 'otp-sms', ready: true } as const] : []),
    ...(otp.has('email') ? [{ type: 'otp-email', ready: true } as const] : []),
  ];
  return all.filter(({ type, ready }) => types.has(type) && readiness.has(ready));
}
