// The limits of a user's fields stand in the definitions of the RPCs that create one; here they are read from there, but for one.
import { create, type DescField, getOption } from '@bufbuild/protobuf';
import { createValidator } from '@bufbuild/protovalidate';
import { field as rules } from '../../../gen/buf/validate/validate_pb.ts';
import { SetHumanEmailSchema } from '../../../gen/zitadel/user/v2/email_pb.ts';
import { IDPLinkSchema } from '../../../gen/zitadel/user/v2/idp_pb.ts';
import { PasswordSchema } from '../../../gen/zitadel/user/v2/password_pb.ts';
import { SetHumanPhoneSchema } from '../../../gen/zitadel/user/v2/phone_pb.ts';
import { SetHumanProfileSchema } from '../../../gen/zitadel/user/v2/user_pb.ts';
import {
  CreateUserRequest_HumanSchema,
  CreateUserRequest_MachineSchema,
  CreateUserRequestSchema,
  MetadataSchema,
} from '../../../gen/zitadel/user/v2/user_service_pb.ts';

/** Characters (code points) of a text, or bytes. */
export interface Limit {
  least: number;
  most: number;
}

function limitOf(field: DescField): Limit {
  const { type } = getOption(field, rules);
  if (type.case !== 'string' && type.case !== 'bytes') throw new Error(`${String(field)} has no limits`);
  const { minLen, maxLen } = type.value;
  return { least: Number(minLen), most: Number(maxLen) };
}

const request = CreateUserRequestSchema.field;
const profile = SetHumanProfileSchema.field;
const machine = CreateUserRequest_MachineSchema.field;

export const limits = {
  userId: limitOf(request.userId),
  organizationId: limitOf(request.organizationId),
  username: limitOf(request.username),
  givenName: limitOf(profile.givenName),
  familyName: limitOf(profile.familyName),
  nickName: limitOf(profile.nickName),
  displayName: limitOf(profile.displayName),
  preferredLanguage: limitOf(profile.preferredLanguage),
  email: limitOf(SetHumanEmailSchema.field.email),
  phone: limitOf(SetHumanPhoneSchema.field.phone),
  password: limitOf(PasswordSchema.field.password),
  // Not that of the RPCs: Firebase's hashes with the key of their project are longer than 200.
  passwordHash: { least: 1, most: 1_000 },
  totpSecret: limitOf(CreateUserRequest_HumanSchema.field.totpSecret),
  name: limitOf(machine.name),
  description: limitOf(machine.description),
  metadataKey: limitOf(MetadataSchema.field.key),
  metadataValue: limitOf(MetadataSchema.field.value),
  idpId: limitOf(IDPLinkSchema.field.idpId),
  idpUserId: limitOf(IDPLinkSchema.field.userId),
  idpUserName: limitOf(IDPLinkSchema.field.userName),
};

const validator = createValidator();

/** Whether an address has the form that the definitions ask for. */
export const isAddress = (email: string): boolean =>
  validator.validate(SetHumanEmailSchema, create(SetHumanEmailSchema, { email })).kind === 'valid';
