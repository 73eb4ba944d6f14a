import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Timestamp, timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { TextFilterMethod, TimestampFilterMethod } from '../../../gen/zitadel/filter/v2/filter_pb.ts';
import {
  type Details as DetailsMessage,
  DetailsSchema,
  type ListDetailsSchema,
  type TextQueryMethod,
} from '../../../gen/zitadel/object/v2/object_pb.ts';
import { AccessTokenType, Gender } from '../../../gen/zitadel/user/v2/user_pb.ts';
import type { TimestampQueryMethod } from '../../../gen/zitadel/v1/object_pb.ts';
import type { UserRow } from '../../kernel/call.ts';
import type { TextMatch } from '../../kernel/db/matchText.ts';
import { type TimeMatch, timeComparisons } from '../../kernel/db/matchTime.ts';
import { invalidField } from '../../kernel/errors.ts';
import type { Details } from './events.ts';

/** What a write answers with: without the creation date. */
export const toDetails = ({ sequence, changedAt, organizationId }: Details): DetailsMessage =>
  create(DetailsSchema, { sequence, changeDate: timestampFromDate(changedAt), resourceOwner: organizationId });

/** What a read answers with. */
export const toFullDetails = (details: Details): DetailsMessage =>
  create(DetailsSchema, { ...toDetails(details), creationDate: timestampFromDate(details.createdAt) });

/** What a whole list answers with. It shows what is, so there is no sequence that it could lag behind. */
export const toListDetails = (total: number, now: Date): MessageInitShape<typeof ListDetailsSchema> => ({
  totalResult: BigInt(total),
  timestamp: timestampFromDate(now),
});

/** v1 has the same numbers. */
export const genders: Record<UserRow['gender'], Gender> = {
  unspecified: Gender.UNSPECIFIED,
  female: Gender.FEMALE,
  male: Gender.MALE,
  diverse: Gender.DIVERSE,
};

/** A wire number the enum does not know counts as unspecified. */
export function genderOf(gender: Gender): UserRow['gender'] {
  switch (gender) {
    case Gender.FEMALE:
      return 'female';
    case Gender.MALE:
      return 'male';
    case Gender.DIVERSE:
      return 'diverse';
    case Gender.UNSPECIFIED:
      return 'unspecified';
  }
  return 'unspecified';
}

export const accessTokenTypeOf = (type: AccessTokenType): UserRow['accessTokenType'] =>
  type === AccessTokenType.JWT ? 'jwt' : 'bearer';

/** A condition on a time. The definitions refuse methods that they do not know. */
export function toTimeMatch(
  method: TimestampFilterMethod | TimestampQueryMethod,
  timestamp: Timestamp | undefined,
  field: string,
): TimeMatch {
  const comparison = timeComparisons[method];
  if (!comparison) throw new Error(`timestamp method ${method} passed validation`);
  return { comparison, time: toDate(timestamp, field) };
}

/** Seconds since 1970 of 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z: the range of a protobuf Timestamp. */
const firstSecond = -62_135_596_800n;
const lastSecond = 253_402_300_799n;

/** A point in time; INVALID_REQUEST outside the years 1 to 9999, which the binary form does not keep to by itself. */
export function toDate(timestamp: Timestamp | undefined, field: string): Date {
  const inRange = timestamp && timestamp.seconds >= firstSecond && timestamp.seconds <= lastSecond;
  if (!inRange) throw invalidField('INVALID_REQUEST', field, { violation: `${field}: must be a time of the years 1 to 9999` });
  return timestampDate(timestamp);
}

// TextQueryMethod and TextFilterMethod number their methods alike; every odd one ignores letter case.
const textMatchKinds = ['equals', 'starts', 'contains', 'ends'] as const;

/** A text condition. The definitions refuse methods that they do not know. */
export function textMatchOf(method: TextQueryMethod | TextFilterMethod, text: string): TextMatch {
  const kind = textMatchKinds[Math.floor(method / 2)];
  if (!kind) throw new Error(`text method ${method} passed validation`);
  return { kind, ignoreCase: method % 2 === 1, text };
}
