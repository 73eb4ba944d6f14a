import { isIP } from 'node:net';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Duration, timestampFromDate } from '@bufbuild/protobuf/wkt';
import ipaddr from 'ipaddr.js';
import { type Details, DetailsSchema } from '../../../gen/zitadel/object/v2/object_pb.ts';
import {
  type ChallengesSchema,
  type RequestChallenges,
  type RequestChallenges_OTPEmail,
  UserVerificationRequirement,
} from '../../../gen/zitadel/session/v2/challenge_pb.ts';
import type {
  SearchQuery,
  SessionSchema,
  UserAgent as UserAgentMessage,
  UserAgentSchema,
} from '../../../gen/zitadel/session/v2/session_pb.ts';
import type { Checks as ChecksMessage, CheckUser } from '../../../gen/zitadel/session/v2/session_service_pb.ts';
import type { UserAgent } from '../../kernel/db/schema.ts';
import { invalidField } from '../../kernel/errors.ts';
import { toTimeMatch } from '../user/convert.ts';
import type { Challenges, Delivery, Made } from './challenges.ts';
import type { Checks, Named } from './checks.ts';
import type { ShownSession, Written } from './repository.ts';
import type { Filter } from './searchRepository.ts';
import type { Additions } from './write.ts';

interface AdditionsMessage {
  checks?: ChecksMessage | undefined;
  challenges?: RequestChallenges | undefined;
  metadata: Readonly<Record<string, Uint8Array>>;
  lifetime?: Duration | undefined;
}

export const toAdditions = ({ checks, challenges, metadata, lifetime }: AdditionsMessage): Additions => ({
  checks: checks ? toChecks(checks) : {},
  challenges: challenges ? toChallenges(challenges) : {},
  metadata: Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
  lifetimeMs: lifetime && Math.ceil(Number(lifetime.seconds) * 1000 + lifetime.nanos / 1e6),
});

const toChecks = (checks: ChecksMessage): Checks => ({
  user: checks.user && toNamed(checks.user.search),
  password: checks.password?.password,
  intent: checks.idpIntent && { id: checks.idpIntent.idpIntentId, token: checks.idpIntent.idpIntentToken },
  webauthn: checks.webAuthN && (checks.webAuthN.credentialAssertionData ?? {}),
  totp: checks.totp?.code,
  otpSms: checks.otpSms?.code,
  otpEmail: checks.otpEmail?.code,
  recoveryCode: checks.recoveryCode?.code,
});

function toNamed(search: CheckUser['search']): Named {
  switch (search.case) {
    case 'userId':
      return { by: 'id', id: search.value };
    case 'loginName':
      return { by: 'login-name', loginName: search.value };
    case undefined:
      throw new Error('a user check without a name passed validation');
  }
}

const toChallenges = ({ webAuthN, otpSms, otpEmail }: RequestChallenges): Challenges => ({
  webauthn: webAuthN && {
    rpId: webAuthN.domain,
    userVerification: toUserVerification(webAuthN.userVerificationRequirement),
  },
  otpSms: otpSms && { kind: otpSms.returnCode ? 'return' : 'send' },
  otpEmail: otpEmail && toDelivery(otpEmail.deliveryType),
});

function toUserVerification(requirement: UserVerificationRequirement): 'required' | 'preferred' | 'discouraged' {
  switch (requirement) {
    case UserVerificationRequirement.REQUIRED:
      return 'required';
    case UserVerificationRequirement.PREFERRED:
      return 'preferred';
    case UserVerificationRequirement.DISCOURAGED:
      return 'discouraged';
    case UserVerificationRequirement.UNSPECIFIED:
      break;
  }
  throw new Error(`user verification ${requirement} passed validation`);
}

function toDelivery(choice: RequestChallenges_OTPEmail['deliveryType']): Delivery {
  switch (choice.case) {
    case 'sendCode':
      return { kind: 'send', urlTemplate: choice.value.urlTemplate };
    case 'returnCode':
      return { kind: 'return' };
    case undefined:
      return { kind: 'send' };
  }
}

/** Null when it says nothing. What is no address is left out: clients send what they like. */
export function toUserAgent(message: UserAgentMessage | undefined): UserAgent | null {
  if (!message) return null;
  const { fingerprintId, ip, description } = message;
  const header = Object.fromEntries(Object.entries(message.header).map(([name, { values }]) => [name, values]));
  const userAgent = {
    ...(fingerprintId !== undefined && { fingerprintId }),
    ...(ip !== undefined && isAddress(ip) && { ip: ipaddr.process(ip).toString() }),
    ...(description !== undefined && { description }),
    ...(Object.keys(header).length > 0 && { header }),
  };
  return Object.keys(userAgent).length > 0 ? userAgent : null;
}

/** A zone is a name of the machine that the address was seen on: with one it is no address to anybody else. */
const isAddress = (text: string): boolean => isIP(text) !== 0 && !text.includes('%');

/** Sessions belong to the instance, whosever they are. */
export const toDetails = ({ sequence, changedAt, instanceId }: Written): Details =>
  create(DetailsSchema, { sequence, changeDate: timestampFromDate(changedAt), resourceOwner: instanceId });

export const fromMade = ({ webauthn, otpSms, otpEmail }: Made): MessageInitShape<typeof ChallengesSchema> => ({
  ...(webauthn && { webAuthN: { publicKeyCredentialRequestOptions: webauthn } }),
  ...(otpSms !== undefined && { otpSms }),
  ...(otpEmail !== undefined && { otpEmail }),
});

export function toSession(row: ShownSession): MessageInitShape<typeof SessionSchema> {
  const metadata = Object.entries(row.metadata).map(([key, value]) => [key, new Uint8Array(Buffer.from(value, 'base64'))]);
  return {
    id: row.id,
    creationDate: timestampFromDate(row.createdAt),
    changeDate: timestampFromDate(row.changedAt),
    sequence: row.sequence,
    factors: toFactors(row),
    metadata: Object.fromEntries(metadata),
    userAgent: row.userAgent ? fromUserAgent(row.userAgent) : undefined,
    expirationDate: row.expiresAt ? timestampFromDate(row.expiresAt) : undefined,
  };
}

function toFactors(row: ShownSession): MessageInitShape<typeof SessionSchema>['factors'] {
  if (row.userId === null) return undefined;
  const verified = (time: Date | null) => (time ? { verifiedAt: timestampFromDate(time) } : undefined);
  return {
    user: {
      ...verified(row.userVerifiedAt),
      id: row.userId,
      loginName: row.loginName ?? '',
      displayName: row.displayName ?? '',
      organizationId: row.organizationId ?? '',
    },
    password: verified(row.passwordVerifiedAt),
    webAuthN: row.webauthnVerifiedAt
      ? { ...verified(row.webauthnVerifiedAt), userVerified: row.webauthnUserVerified }
      : undefined,
    intent: verified(row.intentVerifiedAt),
    totp: verified(row.totpVerifiedAt),
    otpSms: verified(row.otpSmsVerifiedAt),
    otpEmail: verified(row.otpEmailVerifiedAt),
    recoveryCode: verified(row.recoveryCodeVerifiedAt),
  };
}

const fromUserAgent = ({ header = {}, ...rest }: UserAgent): MessageInitShape<typeof UserAgentSchema> => ({
  ...rest,
  header: Object.fromEntries(Object.entries(header).map(([name, values]) => [name, { values }])),
});

/** `callerId` is meant where a creator is asked for and none is named. */
export function toFilter({ query }: SearchQuery, index: number, callerId: string): Filter {
  const place = `queries[${index}]`;
  const empty = (field: string) => invalidField('QUERY_EMPTY', `${place}.${field}`, { field: `${place}.${field}` });
  switch (query.case) {
    case 'idsQuery':
      if (query.value.ids.length === 0) throw empty('ids_query');
      return { on: 'ids', ids: query.value.ids };
    case 'userIdQuery':
      return { on: 'user', id: query.value.id };
    case 'creatorQuery':
      if (query.value.id === '') throw empty('creator_query');
      return { on: 'creator', id: query.value.id ?? callerId };
    case 'userAgentQuery':
      if (!query.value.fingerprintId) throw empty('user_agent_query');
      return { on: 'fingerprint', id: query.value.fingerprintId };
    case 'creationDateQuery': {
      const { method, creationDate } = query.value;
      return { on: 'creation', ...toTimeMatch(method, creationDate, `${place}.creation_date_query.creation_date`) };
    }
    case 'expirationDateQuery': {
      const { method, expirationDate } = query.value;
      return { on: 'expiration', ...toTimeMatch(method, expirationDate, `${place}.expiration_date_query.expiration_date`) };
    }
    case undefined:
      throw new Error('an empty query passed validation');
  }
}
