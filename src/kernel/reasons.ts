import { Code } from '@connectrpc/connect';

/**
 * Every failure that Roster tells of: its code and its sentence. The names are part of the interface and stay for ever;
 * a distinct failure gets a name of its own. `{name}` in a sentence is filled from the error's metadata.
 * `npm run generate` writes docs/errors.md from this table.
 */
export const reasons = {
  // Callers
  UNAUTHENTICATED: [Code.Unauthenticated, 'A valid token is needed: send it as "authorization: Bearer TOKEN".'],
  PERMISSION_DENIED: [Code.PermissionDenied, 'The caller lacks the permission for this call.'],
  VERIFICATION_NOT_OWN: [Code.PermissionDenied, 'Nobody may confirm an address of his own, or see its code, without user.write.'],
  PASSWORD_PROOF_NEEDED: [Code.PermissionDenied, 'Changing the own password needs the current password or a code.'],
  HIGHER_RIGHTS: [Code.PermissionDenied, 'The user has rights that the caller lacks.'],
  ROLE_BEYOND_CALLER: [Code.PermissionDenied, 'The role {role} holds rights that the caller lacks.'],
  ORGANIZATION_DENIED: [Code.PermissionDenied, 'There is no such organization.'],

  // Requests
  REQUEST_UNREADABLE: [Code.InvalidArgument, 'The request cannot be read: {problem}.'],
  INVALID_REQUEST: [Code.InvalidArgument, 'The request breaks a rule: {violation}.'],
  URL_TEMPLATE_INVALID: [Code.InvalidArgument, 'The URL template cannot be used: {problem}.'],
  EMAIL_INVALID: [Code.InvalidArgument, 'This is not an e-mail address that can be used.'],
  PHONE_INVALID: [Code.InvalidArgument, 'This is not a phone number; give it with its country code, like +41791234567.'],
  USERNAME_BLANK: [Code.InvalidArgument, 'The username is blank.'],
  NAME_BLANK: [Code.InvalidArgument, 'The field {field} is blank.'],
  METADATA_KEY_BLANK: [Code.InvalidArgument, 'A metadata key is blank.'],
  METADATA_VALUE_EMPTY: [Code.InvalidArgument, 'The metadata value of "{key}" is empty.'],
  METADATA_TWICE: [Code.InvalidArgument, 'Metadata stands in the request and in its human part; give it in one place.'],
  PASSWORD_HASH_UNKNOWN: [
    Code.InvalidArgument,
    'The password hash has no accepted format or costs too much to check. Accepted: {formats}.',
  ],
  PASSWORD_EMPTY: [Code.InvalidArgument, 'The new password is empty.'],
  PASSWORD_TOO_SHORT: [Code.InvalidArgument, 'The password is too short: it needs at least {minimum} {unit}.'],
  PASSWORD_NEEDS_LOWER: [Code.InvalidArgument, 'The password needs a lower-case letter from a to z.'],
  PASSWORD_NEEDS_UPPER: [Code.InvalidArgument, 'The password needs an upper-case letter from A to Z.'],
  PASSWORD_NEEDS_DIGIT: [Code.InvalidArgument, 'The password needs a digit from 0 to 9.'],
  PASSWORD_NEEDS_SYMBOL: [Code.InvalidArgument, 'The password needs a character that is neither an English letter nor a digit.'],
  PASSWORD_COMMON: [Code.InvalidArgument, 'The password is one of those that are guessed first; choose another one.'],
  PASSWORD_HAS_OWN_NAME: [
    Code.InvalidArgument,
    "The password holds the user's own name or e-mail address; choose one without them.",
  ],
  PASSWORD_WRONG: [Code.InvalidArgument, 'The current password is wrong.'],
  CODE_WRONG: [Code.InvalidArgument, 'The code is wrong.'],
  CODE_INVALID: [Code.InvalidArgument, 'The code is wrong, was used, or expired; ask for a new one.'],
  DOMAIN_CLAIMED: [Code.InvalidArgument, 'The domain {domain} of the username belongs to another organization.'],
  TOTP_SECRET_INVALID: [Code.InvalidArgument, 'The TOTP secret is not base32.'],
  EXPIRATION_PAST: [Code.InvalidArgument, 'The expiration date lies in the past.'],
  LIMIT_TOO_LARGE: [Code.InvalidArgument, 'A list gives at most {maximum} entries at once; ask for fewer.'],
  QUERY_TOO_DEEP: [Code.InvalidArgument, 'Queries may be nested {maximum} deep.'],
  QUERY_TOO_LARGE: [Code.InvalidArgument, 'A search takes at most {maximum} conditions.'],
  QUERY_EMPTY: [Code.InvalidArgument, 'The query {field} is empty.'],
  ROLE_UNKNOWN: [Code.InvalidArgument, 'The role {role} does not exist here. Roles: {roles}.'],
  ADMIN_MISSING: [Code.InvalidArgument, 'An administrator is neither a user id nor a human.'],
  ROLES_MISSING: [Code.InvalidArgument, 'A member needs at least one role.'],

  // Lines of an import
  LINE_EMPTY: [Code.InvalidArgument, 'The line is empty.'],
  LINE_TOO_LONG: [Code.InvalidArgument, 'The line is longer than {maximum} bytes.'],
  LINE_CUT_OFF: [Code.InvalidArgument, 'The file ends in the middle of this line.'],
  LINE_NOT_UTF8: [Code.InvalidArgument, 'The line is not UTF-8.'],
  LINE_BYTE_ORDER_MARK: [Code.InvalidArgument, 'The file begins with a byte order mark; write it without one.'],
  LINE_ENDS_IN_CR: [Code.InvalidArgument, 'The line ends in CR LF; write LF alone.'],
  LINE_NOT_JSON: [Code.InvalidArgument, 'The line is not JSON.'],
  LINE_NOT_OBJECT: [Code.InvalidArgument, 'The line is JSON, but not an object.'],
  FIELD_UNKNOWN: [Code.InvalidArgument, 'A {type} has no field {field}.'],
  FIELD_MISSING: [Code.InvalidArgument, 'The field {field} is missing.'],
  FIELD_WRONG: [Code.InvalidArgument, 'The field {field} must be {expected}.'],
  PASSWORD_TWICE: [Code.InvalidArgument, 'A password and a password hash are given; give one of them.'],
  TIME_AHEAD: [Code.InvalidArgument, 'The time {field} lies in the future.'],

  // What is not there
  USER_NOT_FOUND: [Code.NotFound, 'There is no such user.'],
  ORGANIZATION_NOT_FOUND: [Code.NotFound, 'There is no such organization.'],
  METADATA_NOT_FOUND: [Code.NotFound, 'The user has no metadata "{key}".'],
  TOKEN_NOT_FOUND: [Code.NotFound, 'The user has no such token.'],
  MEMBER_NOT_FOUND: [Code.NotFound, 'The user is not a member.'],
  SERVICE_NOT_FOUND: [Code.NotFound, 'The server has no service {service}.'],

  // What is there already
  USERNAME_TAKEN: [Code.AlreadyExists, 'The username is taken.'],
  MEMBER_EXISTS: [Code.AlreadyExists, 'The user is a member already.'],
  ORGANIZATION_NAME_TAKEN: [Code.AlreadyExists, 'The name of the organization is taken.'],
  ORGANIZATION_ID_TAKEN: [Code.AlreadyExists, 'The id of the organization is taken.'],

  // What the state forbids
  USER_ID_TAKEN: [Code.FailedPrecondition, 'The user id is taken.'],
  USER_UNKNOWN: [Code.FailedPrecondition, 'The user does not exist.'],
  USER_INITIAL: [Code.FailedPrecondition, 'The user is not yet initialised.'],
  USER_NOT_MACHINE: [Code.FailedPrecondition, 'The user is not a machine.'],
  USER_ALREADY_INACTIVE: [Code.FailedPrecondition, 'The user is inactive already.'],
  USER_NOT_INACTIVE: [Code.FailedPrecondition, 'The user is not inactive.'],
  USER_NOT_LOCKABLE: [Code.FailedPrecondition, 'Only an active or initial user can be locked.'],
  USER_NOT_LOCKED: [Code.FailedPrecondition, 'The user is not locked.'],
  ORGANIZATION_GONE: [Code.FailedPrecondition, 'The organization does not exist.'],
  PROVIDER_UNKNOWN: [Code.FailedPrecondition, 'There is no identity provider {provider}.'],
  METADATA_LIST_EMPTY: [Code.FailedPrecondition, 'The list of metadata is empty.'],
  PASSWORD_NOT_SET: [Code.FailedPrecondition, 'The user has no password.'],
  PASSWORD_UNCHANGED: [Code.FailedPrecondition, 'The new password equals the current one.'],
  CODE_ABSENT: [
    Code.FailedPrecondition,
    'There is no code that could be used: none was made, or it expired. PasswordReset makes one.',
  ],
  CODE_NOT_PENDING: [
    Code.FailedPrecondition,
    'There is no code to send again; ask for a new one with SendEmailCode, SetPhone or CreateInviteCode.',
  ],
  EMAIL_UNCHANGED: [Code.FailedPrecondition, 'The user has this e-mail address already.'],
  PHONE_UNCHANGED: [Code.FailedPrecondition, 'The user has this phone number already.'],
  PHONE_ABSENT: [Code.FailedPrecondition, 'The user has no phone number.'],
  INVITE_NOT_NEEDED: [Code.FailedPrecondition, 'The user can sign in already and needs no invitation.'],
  LAST_OWNER: [Code.FailedPrecondition, 'The instance needs an owner: this is the last one.'],

  // Limits and faults
  MESSAGE_TOO_LARGE: [Code.ResourceExhausted, 'A message is too large: {problem}.'],
  REQUEST_UNSUPPORTED: [Code.Unimplemented, 'The request is of a kind that is not supported: {problem}.'],
  TRIED_TOO_OFTEN: [Code.ResourceExhausted, 'Too many wrong tries; wait before the next one.'],
  SENT_TOO_OFTEN: [Code.ResourceExhausted, 'Too many codes were sent to this user at his own wish; wait before the next one.'],
  HASHING_BUSY: [Code.ResourceExhausted, 'Too many passwords are being checked; try again shortly.'],
  DEADLINE_EXCEEDED: [Code.DeadlineExceeded, 'The deadline passed before there was an answer.'],
  CANCELED: [Code.Canceled, 'The caller gave the call up.'],
  NOT_IMPLEMENTED: [Code.Unimplemented, 'This is not implemented.'],
  UNAVAILABLE: [Code.Unavailable, 'The service cannot answer now; try again. Request {request}.'],
  INTERNAL: [Code.Internal, 'Something went wrong that should not. Request {request}.'],
} satisfies Record<string, readonly [Code, string]>;

export type Reason = keyof typeof reasons;
