import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { type AuthFactorSchema, AuthFactorState } from '../../../gen/zitadel/user/v2/user_pb.ts';
import { AuthenticationMethodType, AuthFactors, type UserService } from '../../../gen/zitadel/user/v2/user_service_pb.ts';
import { callOf } from '../../kernel/context.ts';
import { toListDetails } from '../user/convert.ts';
import {
  allTypes,
  type Factor,
  type FactorType,
  listAuthenticationFactors,
  listAuthenticationMethodTypes,
  type Method,
} from './service.ts';

export const factorsHandlers = {
  async listAuthenticationMethodTypes({ userId, domainQuery }, context) {
    const call = callOf(context);
    // What was registered without a domain is bound to the public URL's.
    const own = domainQuery?.includeWithoutDomain ? [new URL(call.settings.publicUrl).hostname] : [];
    const rpIds = domainQuery && new Set([domainQuery.domain, ...own]);
    const methods = await listAuthenticationMethodTypes(call, userId, rpIds);
    return { details: toListDetails(methods.length, call.now), authMethodTypes: methods.map((method) => methodTypes[method]) };
  },

  async listAuthenticationFactors({ userId, authFactors, states }, context) {
    const types = authFactors.length === 0 ? allTypes : new Set(authFactors.flatMap((type) => factorTypes[type] ?? []));
    const wanted = states.length === 0 ? [AuthFactorState.READY] : states;
    const readiness = new Set(wanted.flatMap((state) => ready[state] ?? []));
    const factors = await listAuthenticationFactors(callOf(context), userId, types, readiness);
    return { result: factors.map(toFactor) };
  },
} satisfies Partial<ServiceImpl<typeof UserService>>;

const methodTypes: Record<Method, AuthenticationMethodType> = {
  password: AuthenticationMethodType.PASSWORD,
  passkey: AuthenticationMethodType.PASSKEY,
  idp: AuthenticationMethodType.IDP,
  totp: AuthenticationMethodType.TOTP,
  u2f: AuthenticationMethodType.U2F,
  'otp-sms': AuthenticationMethodType.OTP_SMS,
  'otp-email': AuthenticationMethodType.OTP_EMAIL,
  'recovery-code': AuthenticationMethodType.RECOVERY_CODE,
};

const factorTypes: Readonly<Record<AuthFactors, FactorType>> = {
  [AuthFactors.OTP]: 'otp',
  [AuthFactors.OTP_SMS]: 'otp-sms',
  [AuthFactors.OTP_EMAIL]: 'otp-email',
  [AuthFactors.U2F]: 'u2f',
};

/** What was removed is nowhere. */
const ready: Partial<Record<AuthFactorState, boolean>> = {
  [AuthFactorState.READY]: true,
  [AuthFactorState.NOT_READY]: false,
};

function toFactor(factor: Factor): MessageInitShape<typeof AuthFactorSchema> {
  const state = factor.ready ? AuthFactorState.READY : AuthFactorState.NOT_READY;
  switch (factor.type) {
    case 'otp':
      return { state, type: { case: 'otp', value: {} } };
    case 'otp-sms':
      return { state, type: { case: 'otpSms', value: {} } };
    case 'otp-email':
      return { state, type: { case: 'otpEmail', value: {} } };
    case 'u2f':
      return { state, type: { case: 'u2f', value: { id: factor.id, name: factor.name } } };
  }
}
