import { sql } from 'drizzle-orm';
import {
  text as anyText,
  bigint,
  boolean,
  customType,
  index,
  integer,
  jsonb,
  pgEnum,
  pgSequence,
  pgTable,
  primaryKey,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import type { ProviderConfig, ProviderOptions } from './providerConfig.ts';

/** Text ordered by code point, on every database alike: prefixes use its index, and pages do not depend on a locale. */
const text = customType<{ data: string }>({ dataType: () => 'text collate "C"' });
const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' });
const time = (name: string) => timestamp(name, { withTimezone: true, precision: 6 });

export const userType = pgEnum('user_type', ['human', 'machine']);
/** In the order of the wire's numbers, so that sorting by state sorts as clients expect. */
export const userState = pgEnum('user_state', ['active', 'inactive', 'locked', 'initial']);
export const gender = pgEnum('gender', ['unspecified', 'female', 'male', 'diverse']);
export const accessTokenType = pgEnum('access_token_type', ['bearer', 'jwt']);
export const organizationState = pgEnum('organization_state', ['active', 'inactive']);
export const guessKind = pgEnum('guess_kind', ['password', 'code', 'otp']);
export const codePurpose = pgEnum('code_purpose', ['email', 'phone', 'password', 'invite', 'passkey', 'init']);
export const channel = pgEnum('channel', ['email', 'sms']);
/** What signs: alone, with its user verified, or beside another factor. */
export const webauthnKind = pgEnum('webauthn_kind', ['passkey', 'u2f']);
/** How far an authenticator has to verify its user (WebAuthn Level 3, 5.8.6). */
export const userVerification = pgEnum('user_verification', ['required', 'preferred', 'discouraged']);

export const providerType = pgEnum('provider_type', ['oidc', 'oauth', 'google', 'github', 'jwt', 'ldap', 'saml']);
export const providerState = pgEnum('provider_state', ['active', 'inactive']);
export const intentState = pgEnum('intent_state', ['started', 'succeeded', 'failed', 'consumed']);

/** Hands every process its part of the id space (kernel/ids.ts). */
export const nodeIds = pgSequence('node_ids', { startWith: 1, minValue: 1, cycle: true, maxValue: 1_000_000 });

/** One row: what is true of the whole installation. */
export const instances = pgTable('instances', {
  id: text('id').primaryKey(),
  /** Proves that a process holds the same master key as the one that wrote the data. */
  keyProof: bytes('key_proof').notNull(),
  /** The organization that came with the instance. */
  defaultOrganizationId: text('default_organization_id')
    .notNull()
    .references(() => organizations.id),
  sequence: bigint('sequence', { mode: 'bigint' }).notNull(),
  createdAt: time('created_at').notNull(),
  changedAt: time('changed_at').notNull(),
});

export const organizations = pgTable(
  'organizations',
  {
    id: text('id').primaryKey(),
    name: text('name').notNull(),
    nameKey: text('name_key').notNull(),
    state: organizationState('state').notNull(),
    primaryDomain: text('primary_domain').notNull(),
    sequence: bigint('sequence', { mode: 'bigint' }).notNull(),
    createdAt: time('created_at').notNull(),
    changedAt: time('changed_at').notNull(),
  },
  (t) => [uniqueIndex('organizations_name_key').on(t.nameKey)],
);

/** Verified domains. A username ending in one belongs to that organization. */
export const organizationDomains = pgTable(
  'organization_domains',
  {
    domain: text('domain').primaryKey(),
    organizationId: text('organization_id')
      .notNull()
      .references(() => organizations.id, { onDelete: 'cascade' }),
  },
  (t) => [index('organization_domains_organization').on(t.organizationId)],
);

/**
 * People and machines in one table: a search that joins fields of both with OR can use all its indexes only there.
 * A field that a kind of user does not have holds the empty text. The `…Key` columns hold `textKey` of the field beside
 * them, for uniqueness, sorting and search.
 */
export const users = pgTable(
  'users',
  {
    id: text('id').primaryKey(),
    organizationId: text('organization_id')
      .notNull()
      .references(() => organizations.id),
    type: userType('type').notNull(),
    state: userState('state').notNull(),
    sequence: bigint('sequence', { mode: 'bigint' }).notNull(),
    createdAt: time('created_at').notNull(),
    changedAt: time('changed_at').notNull(),
    username: text('username').notNull(),
    usernameKey: text('username_key').notNull(),

    givenName: text('given_name').notNull().default(''),
    givenNameKey: text('given_name_key').notNull().default(''),
    familyName: text('family_name').notNull().default(''),
    familyNameKey: text('family_name_key').notNull().default(''),
    nickName: text('nick_name').notNull().default(''),
    nickNameKey: text('nick_name_key').notNull().default(''),
    displayName: text('display_name').notNull().default(''),
    displayNameKey: text('display_name_key').notNull().default(''),
    /** BCP 47, "und" when unknown. */
    preferredLanguage: text('preferred_language').notNull().default(''),
    gender: gender('gender').notNull().default('unspecified'),
    email: text('email').notNull().default(''),
    emailKey: text('email_key').notNull().default(''),
    emailVerified: boolean('email_verified').notNull().default(false),
    /** E.164, empty without a phone. */
    phone: text('phone').notNull().default(''),
    phoneVerified: boolean('phone_verified').notNull().default(false),
    passwordChangeRequired: boolean('password_change_required').notNull().default(false),
    /** Null until a password was set. */
    passwordChangedAt: time('password_changed_at'),
    mfaInitSkippedAt: time('mfa_init_skipped_at'),
    /** Names the row of `avatars` in URLs; empty without one. */
    avatarKey: text('avatar_key').notNull().default(''),

    name: text('name').notNull().default(''),
    description: text('description').notNull().default(''),
    accessTokenType: accessTokenType('access_token_type').notNull().default('bearer'),
    /** Whether `machine_secrets` has a row. */
    hasSecret: boolean('has_secret').notNull().default(false),
  },
  (t) => [
    uniqueIndex('users_username').on(t.usernameKey),
    // Every sort, for an organization's and for an instance's callers; they serve equality and prefixes as well. Type and state
    // stand at the end of each, so that a list that leaves some of them out can skip rows without looking at them.
    index('users_by_organization').on(t.organizationId, t.id, t.type, t.state),
    index('users_by_creation').on(t.createdAt, t.id, t.type, t.state),
    index('users_by_creation_in').on(t.organizationId, t.createdAt, t.id, t.type, t.state),
    index('users_by_state').on(t.state, t.id, t.type),
    index('users_by_state_in').on(t.organizationId, t.state, t.id, t.type),
    index('users_by_type').on(t.type, t.id, t.state),
    index('users_by_type_in').on(t.organizationId, t.type, t.id, t.state),
    index('users_by_username').on(t.usernameKey, t.id, t.type, t.state),
    index('users_by_username_in').on(t.organizationId, t.usernameKey, t.id, t.type, t.state),
    index('users_by_given_name').on(t.givenNameKey, t.id, t.type, t.state),
    index('users_by_given_name_in').on(t.organizationId, t.givenNameKey, t.id, t.type, t.state),
    index('users_by_family_name').on(t.familyNameKey, t.id, t.type, t.state),
    index('users_by_family_name_in').on(t.organizationId, t.familyNameKey, t.id, t.type, t.state),
    index('users_by_nick_name').on(t.nickNameKey, t.id, t.type, t.state),
    index('users_by_nick_name_in').on(t.organizationId, t.nickNameKey, t.id, t.type, t.state),
    index('users_by_display_name').on(t.displayNameKey, t.id, t.type, t.state),
    index('users_by_display_name_in').on(t.organizationId, t.displayNameKey, t.id, t.type, t.state),
    index('users_by_email').on(t.emailKey, t.id, t.type, t.state),
    index('users_by_email_in').on(t.organizationId, t.emailKey, t.id, t.type, t.state),
    index('users_by_phone').on(t.phone, t.id),
    // "Contains" and "ends with" of every text field, alone or joined with OR.
    index('users_text').using(
      'gin',
      sql`${t.usernameKey} gin_trgm_ops`,
      sql`${t.givenNameKey} gin_trgm_ops`,
      sql`${t.familyNameKey} gin_trgm_ops`,
      sql`${t.nickNameKey} gin_trgm_ops`,
      sql`${t.displayNameKey} gin_trgm_ops`,
      sql`${t.emailKey} gin_trgm_ops`,
      sql`${t.phone} gin_trgm_ops`,
    ),
  ],
);

const shardedCount = () => ({
  type: userType('type').notNull(),
  state: userState('state').notNull(),
  shard: integer('shard').notNull(),
  total: bigint('total', { mode: 'number' }).notNull(),
});

/**
 * How many users there are of each kind in an organization, kept by a trigger in the transaction that makes, changes or
 * removes them: to count a million rows takes a tenth of a second. A count is the sum over its shards, which are there so
 * that nobody who creates users waits for another: each transaction takes one that is free, or adds one.
 */
export const userCounts = pgTable(
  'user_counts',
  { organizationId: text('organization_id').notNull(), ...shardedCount() },
  (t) => [primaryKey({ columns: [t.organizationId, t.type, t.state, t.shard] })],
);

/** The same for all organizations together: there may be many thousands. */
export const instanceUserCounts = pgTable('instance_user_counts', shardedCount(), (t) => [
  primaryKey({ columns: [t.type, t.state, t.shard] }),
]);

const userId = () =>
  text('user_id')
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' });

/** Ids stay bound to the organization of their deleted user. */
export const deletedUsers = pgTable('deleted_users', {
  id: text('id').primaryKey(),
  organizationId: text('organization_id').notNull(),
  /** The last sequence, so that a user created with the id again goes on from it. */
  sequence: bigint('sequence', { mode: 'bigint' }).notNull(),
  deletedAt: time('deleted_at').notNull(),
});

/** Every change to a user, written in the transaction of the change. Holds names of fields, never their values. */
export const userEvents = pgTable(
  'user_events',
  {
    userId: text('user_id').notNull(),
    sequence: bigint('sequence', { mode: 'bigint' }).notNull(),
    organizationId: text('organization_id').notNull(),
    type: text('type').notNull(),
    payload: jsonb('payload').$type<Record<string, unknown>>().notNull(),
    callerId: text('caller_id').notNull(),
    createdAt: time('created_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.userId, t.sequence] })],
);

export const userMetadata = pgTable(
  'user_metadata',
  {
    userId: userId(),
    key: text('key').notNull(),
    keyKey: text('key_key').notNull(),
    value: bytes('value').notNull(),
    createdAt: time('created_at').notNull(),
    changedAt: time('changed_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.userId, t.key] }),
    index('user_metadata_by_key').on(t.keyKey, t.userId),
    index('user_metadata_key_text').using('gin', sql`${t.keyKey} gin_trgm_ops`),
    // A search value is at most 200 bytes long: longer entries match no search for equality.
    index('user_metadata_by_value').on(t.value, t.keyKey, t.userId).where(sql`octet_length(${t.value}) <= 200`),
  ],
);

export const userPasswords = pgTable('user_passwords', { userId: userId().primaryKey(), hash: text('hash').notNull() });

/** The bytes of avatars, apart from the users: lists need the key alone. */
export const avatars = pgTable(
  'avatars',
  {
    userId: userId().primaryKey(),
    /** Random, new with each upload: whoever knows it may look. */
    key: text('key').notNull(),
    /** WebP, of our own making. */
    image: bytes('image').notNull(),
  },
  (t) => [uniqueIndex('avatars_key').on(t.key)],
);

export const totps = pgTable('totps', {
  userId: userId().primaryKey(),
  /** The shared secret, sealed (kernel/crypto/seal.ts). */
  secret: bytes('secret').notNull(),
  /** False until a code has shown that the user's app has the secret. */
  ready: boolean('ready').notNull(),
  /** The last time step (RFC 6238) whose code was taken: none is taken twice. */
  lastStep: bigint('last_step', { mode: 'number' }),
});

/** One-time codes by e-mail or SMS, as a factor. */
export const otpFactors = pgTable(
  'otp_factors',
  { userId: userId(), channel: channel('channel').notNull(), createdAt: time('created_at').notNull() },
  (t) => [primaryKey({ columns: [t.userId, t.channel] })],
);

/** The salt that all recovery codes of a user share, so that checking one costs one computation. */
export const recoverySalts = pgTable('recovery_salts', { userId: userId().primaryKey(), salt: bytes('salt').notNull() });

/** Recovery codes that nobody has used yet: argon2id under the user's salt. */
export const recoveryCodes = pgTable('recovery_codes', { userId: userId(), hash: bytes('hash').notNull() }, (t) => [
  primaryKey({ columns: [t.userId, t.hash] }),
]);

/** Passkeys and security keys (WebAuthn Level 3, "credential record"). */
export const webauthnCredentials = pgTable(
  'webauthn_credentials',
  {
    id: text('id').primaryKey(),
    userId: userId(),
    kind: webauthnKind('kind').notNull(),
    name: text('name').notNull(),
    /** The relying party that it was made for: it signs for no other one. */
    rpId: text('rp_id').notNull(),
    credentialId: bytes('credential_id').notNull(),
    /** COSE key. */
    publicKey: bytes('public_key').notNull(),
    counter: bigint('counter', { mode: 'number' }).notNull(),
    transports: anyText('transports').array().notNull(),
    backupEligible: boolean('backup_eligible').notNull(),
    backedUp: boolean('backed_up').notNull(),
    aaguid: text('aaguid').notNull(),
    createdAt: time('created_at').notNull(),
    lastUsedAt: time('last_used_at'),
  },
  (t) => [uniqueIndex('webauthn_credentials_credential').on(t.credentialId), index('webauthn_credentials_user').on(t.userId)],
);

/** Registrations that wait for their answer: one of a kind for each user. */
export const webauthnRegistrations = pgTable(
  'webauthn_registrations',
  {
    userId: userId(),
    kind: webauthnKind('kind').notNull(),
    id: text('id').notNull(),
    rpId: text('rp_id').notNull(),
    challenge: bytes('challenge').notNull(),
    expiresAt: time('expires_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.userId, t.kind] }), index('webauthn_registrations_expiry').on(t.expiresAt)],
);

export const codes = pgTable(
  'codes',
  {
    userId: userId(),
    purpose: codePurpose('purpose').notNull(),
    hash: bytes('hash').notNull(),
    failures: integer('failures').notNull().default(0),
    expiresAt: time('expires_at').notNull(),
    createdAt: time('created_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.userId, t.purpose] }), index('codes_expiry').on(t.expiresAt)],
);

/**
 * Wrong tries in a row, for the wait before the next one (kernel/guessing.ts). An id that no user has is counted as well:
 * a wait must not tell which ids exist.
 */
export const guesses = pgTable(
  'guesses',
  {
    userId: text('user_id').notNull(),
    kind: guessKind('kind').notNull(),
    failures: integer('failures').notNull(),
    lastAt: time('last_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.userId, t.kind] }), index('guesses_by_time').on(t.lastAt)],
);

/** How a person was invited last: what the next invitation says where it says nothing itself. */
export const invites = pgTable('invites', {
  userId: userId().primaryKey(),
  /** False when the code was returned to the caller instead. */
  mailed: boolean('mailed').notNull(),
  /** Null: the default link. */
  urlTemplate: text('url_template'),
  /** Null: the product's name. */
  applicationName: text('application_name'),
});

/** What a new password has to be: one row for the instance, and one for each organization that differs. */
export const passwordPolicies = pgTable('password_policies', {
  /** Of an organization, or the empty text: the instance. */
  organizationId: text('organization_id').primaryKey(),
  /** UTF-8 bytes; in a composition-free policy code points. */
  minimumLength: integer('minimum_length').notNull(),
  lower: boolean('lower').notNull(),
  upper: boolean('upper').notNull(),
  digit: boolean('digit').notNull(),
  symbol: boolean('symbol').notNull(),
  /** Length alone counts: the four above do not. */
  compositionFree: boolean('composition_free').notNull(),
});

/** How far the import of a file got: moved in the transaction of each batch, so that a stopped import goes on where it was. */
export const imports = pgTable('imports', {
  /** SHA-256 of the file. */
  file: bytes('file').primaryKey(),
  /** Lines that are done with, and the bytes that they take. */
  lines: bigint('lines', { mode: 'number' }).notNull(),
  bytes: bigint('bytes', { mode: 'number' }).notNull(),
  imported: bigint('imported', { mode: 'number' }).notNull(),
  refused: bigint('refused', { mode: 'number' }).notNull(),
  changedAt: time('changed_at').notNull(),
});

export const personalAccessTokens = pgTable(
  'personal_access_tokens',
  {
    id: text('id').primaryKey(),
    userId: userId(),
    hash: bytes('hash').notNull(),
    expiresAt: time('expires_at').notNull(),
    createdAt: time('created_at').notNull(),
    changedAt: time('changed_at').notNull(),
  },
  (t) => [uniqueIndex('personal_access_tokens_hash').on(t.hash), index('personal_access_tokens_user').on(t.userId)],
);

/** Private keys stay with the machines. */
export const machineKeys = pgTable(
  'machine_keys',
  {
    id: text('id').primaryKey(),
    userId: userId(),
    /** RSA, as SubjectPublicKeyInfo in DER (RFC 5280, 4.1). */
    publicKey: bytes('public_key').notNull(),
    expiresAt: time('expires_at').notNull(),
    createdAt: time('created_at').notNull(),
    changedAt: time('changed_at').notNull(),
  },
  (t) => [index('machine_keys_user').on(t.userId)],
);

export const machineSecrets = pgTable('machine_secrets', {
  userId: userId().primaryKey(),
  hash: bytes('hash').notNull(),
});

/**
 * Tokens that machines were given for a key or a secret (RFC 6749, 5.1), opaque ones and JWTs alike. Each ends with what it
 * was given for: by the foreign keys, in the transaction that takes it away.
 */
export const accessTokens = pgTable(
  'access_tokens',
  {
    /** The JWT's `jti`. */
    id: text('id').primaryKey(),
    userId: userId(),
    /** One of these two. */
    keyId: text('key_id').references(() => machineKeys.id, { onDelete: 'cascade' }),
    secretUserId: text('secret_user_id').references(() => machineSecrets.userId, { onDelete: 'cascade' }),
    /** Of the whole token. */
    hash: bytes('hash').notNull(),
    /** As asked for: it opens nothing here, and is told to those who ask about the token. */
    scope: text('scope').notNull(),
    expiresAt: time('expires_at').notNull(),
    createdAt: time('created_at').notNull(),
  },
  (t) => [
    uniqueIndex('access_tokens_hash').on(t.hash),
    index('access_tokens_user').on(t.userId),
    index('access_tokens_key').on(t.keyId).where(sql`${t.keyId} is not null`),
    index('access_tokens_secret').on(t.secretUserId).where(sql`${t.secretUserId} is not null`),
    index('access_tokens_expiry').on(t.expiresAt),
  ],
);

/** Assertions that were taken once, until they would have expired. */
export const usedAssertions = pgTable(
  'used_assertions',
  { hash: bytes('hash').primaryKey(), expiresAt: time('expires_at').notNull() },
  (t) => [index('used_assertions_expiry').on(t.expiresAt)],
);

/** What signs JWTs (kernel/auth/signingKeys.ts). */
export const signingKeys = pgTable(
  'signing_keys',
  {
    /** The JWT's `kid`. */
    id: text('id').primaryKey(),
    /** RSA, as SubjectPublicKeyInfo in DER (RFC 5280, 4.1). */
    publicKey: bytes('public_key').notNull(),
    /** PKCS #8 in PEM, sealed (kernel/crypto/seal.ts). */
    privateKey: bytes('private_key').notNull(),
    /** From then on, until the next one does. */
    signsFrom: time('signs_from').notNull(),
    /** Null until there is a next one. */
    publishedUntil: time('published_until'),
  },
  (t) => [index('signing_keys_expiry').on(t.publishedUntil)],
);

/**
 * What was checked for a person (features/session). A factor's time stands while what it was checked by does: what takes
 * that away clears it in the same transaction. A row that has ended keeps who it was of and nothing else.
 */
export const sessions = pgTable(
  'sessions',
  {
    id: text('id').primaryKey(),
    creatorId: text('creator_id').notNull(),
    /** Null until a user was checked; from then on for good, even when the user is deleted. */
    userId: text('user_id'),
    organizationId: text('organization_id'),
    /** Of the token that counts; null once the session has ended. */
    tokenHash: bytes('token_hash'),
    sequence: bigint('sequence', { mode: 'bigint' }).notNull(),
    createdAt: time('created_at').notNull(),
    changedAt: time('changed_at').notNull(),
    /** Null: never. */
    expiresAt: time('expires_at'),
    endedAt: time('ended_at'),
    /** Only the user counts, until a first factor is checked anew. */
    stale: boolean('stale').notNull().default(false),
    userVerifiedAt: time('user_verified_at'),
    passwordVerifiedAt: time('password_verified_at'),
    webauthnVerifiedAt: time('webauthn_verified_at'),
    /** Whether the authenticator verified its user. */
    webauthnUserVerified: boolean('webauthn_user_verified').notNull().default(false),
    /** The passkey or security key that signed. */
    webauthnCredentialId: text('webauthn_credential_id'),
    intentVerifiedAt: time('intent_verified_at'),
    /** The account that an identity provider named: the session stands on its link. */
    intentProviderId: text('intent_provider_id'),
    intentExternalId: text('intent_external_id'),
    totpVerifiedAt: time('totp_verified_at'),
    otpSmsVerifiedAt: time('otp_sms_verified_at'),
    otpEmailVerifiedAt: time('otp_email_verified_at'),
    recoveryCodeVerifiedAt: time('recovery_code_verified_at'),
    /** Values in base64. */
    metadata: jsonb('metadata').$type<Record<string, string>>().notNull().default({}),
    userAgent: jsonb('user_agent').$type<UserAgent>(),
  },
  (t) => [
    uniqueIndex('sessions_token').on(t.tokenHash),
    index('sessions_user').on(t.userId, t.id).where(sql`${t.endedAt} is null`),
    index('sessions_organization').on(t.organizationId, t.id).where(sql`${t.endedAt} is null`),
    index('sessions_creator').on(t.creatorId, t.id).where(sql`${t.endedAt} is null`),
    index('sessions_creation').on(t.createdAt, t.id).where(sql`${t.endedAt} is null`),
    // By its hash: it can be longer than an entry of a tree.
    index('sessions_fingerprint').using('hash', sql`(${t.userAgent} ->> 'fingerprintId')`),
    // For the clean-up.
    index('sessions_expiry').on(t.expiresAt).where(sql`${t.expiresAt} is not null`),
    index('sessions_end').on(t.endedAt).where(sql`${t.endedAt} is not null`),
  ],
);

/** What a client says of itself. */
export interface UserAgent {
  fingerprintId?: string | undefined;
  ip?: string | undefined;
  description?: string | undefined;
  header?: Record<string, string[]>;
}

const sessionId = () =>
  text('session_id')
    .notNull()
    .references(() => sessions.id, { onDelete: 'cascade' });

/** WebAuthn challenges that wait for their answer: one for each session. */
export const sessionChallenges = pgTable(
  'session_challenges',
  {
    sessionId: sessionId().primaryKey(),
    rpId: text('rp_id').notNull(),
    challenge: bytes('challenge').notNull(),
    userVerification: userVerification('user_verification').notNull(),
    expiresAt: time('expires_at').notNull(),
  },
  (t) => [index('session_challenges_expiry').on(t.expiresAt)],
);

/** One-time codes that a session asked for. */
export const sessionCodes = pgTable(
  'session_codes',
  {
    sessionId: sessionId(),
    channel: channel('channel').notNull(),
    hash: bytes('hash').notNull(),
    failures: integer('failures').notNull().default(0),
    expiresAt: time('expires_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.sessionId, t.channel] }), index('session_codes_expiry').on(t.expiresAt)],
);

/** Identity providers, of an organization or of the instance. */
export const identityProviders = pgTable(
  'identity_providers',
  {
    id: text('id').primaryKey(),
    /** Null: the instance's. */
    organizationId: text('organization_id').references(() => organizations.id, { onDelete: 'cascade' }),
    name: text('name').notNull(),
    nameKey: text('name_key').notNull(),
    type: providerType('type').notNull(),
    state: providerState('state').notNull(),
    config: jsonb('config').$type<ProviderConfig>().notNull(),
    options: jsonb('options').$type<ProviderOptions>().notNull(),
    /** The client secret, the bind password or the signing key, sealed; null where there is none. */
    secret: bytes('secret'),
    sequence: bigint('sequence', { mode: 'bigint' }).notNull(),
    createdAt: time('created_at').notNull(),
    changedAt: time('changed_at').notNull(),
  },
  (t) => [index('identity_providers_organization').on(t.organizationId, t.id)],
);

const providerId = () =>
  text('provider_id')
    .notNull()
    .references(() => identityProviders.id, { onDelete: 'cascade' });

/** Accounts at identity providers that sign in as a user here: one account is one user's. */
export const providerLinks = pgTable(
  'provider_links',
  {
    providerId: providerId(),
    externalId: text('external_id').notNull(),
    /** In the form in which it is compared: any letter case is the same account. */
    externalKey: text('external_key').notNull(),
    userId: userId(),
    userName: text('user_name').notNull(),
    createdAt: time('created_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.providerId, t.externalKey] }), index('provider_links_user').on(t.userId)],
);

/** Sign-ins at identity providers: begun here, finished there, used once. */
export const intents = pgTable(
  'intents',
  {
    id: text('id').primaryKey(),
    providerId: providerId(),
    creatorId: text('creator_id').notNull(),
    state: intentState('state').notNull(),
    successUrl: text('success_url').notNull(),
    failureUrl: text('failure_url').notNull(),
    /** What the answer of the provider is held against, sealed: verifier, nonce, request id. Empty once an answer has come. */
    expected: bytes('expected').notNull(),
    /** Of the token that shows that somebody was sent back with it; null until then. */
    tokenHash: bytes('token_hash'),
    externalId: text('external_id').notNull().default(''),
    externalName: text('external_name').notNull().default(''),
    /** What the provider told, with its tokens, sealed. */
    result: bytes('result'),
    sequence: bigint('sequence', { mode: 'bigint' }).notNull(),
    createdAt: time('created_at').notNull(),
    changedAt: time('changed_at').notNull(),
    expiresAt: time('expires_at').notNull(),
  },
  (t) => [index('intents_provider').on(t.providerId), index('intents_expiry').on(t.expiresAt)],
);

const membership = () => ({
  roles: anyText('roles').array().notNull(),
  sequence: bigint('sequence', { mode: 'bigint' }).notNull(),
  createdAt: time('created_at').notNull(),
  changedAt: time('changed_at').notNull(),
});

export const instanceMembers = pgTable('instance_members', { userId: userId().primaryKey(), ...membership() });

export const organizationMembers = pgTable(
  'organization_members',
  {
    organizationId: text('organization_id')
      .notNull()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    userId: userId(),
    ...membership(),
  },
  (t) => [primaryKey({ columns: [t.organizationId, t.userId] }), index('organization_members_user').on(t.userId)],
);

/**
 * Messages waiting to leave, queued in the transaction of the change that they tell of. One process takes a message by
 * moving its due time ahead; if it dies meanwhile, another one takes it then.
 */
export const outbox = pgTable(
  'outbox',
  {
    id: bigint('id', { mode: 'bigint' }).primaryKey().generatedAlwaysAsIdentity(),
    kind: text('kind').notNull().default(''),
    channel: channel('channel').notNull().default('email'),
    /** The message, sealed: it holds the code. */
    message: bytes('message').notNull(),
    /** Whom it goes to, and with whom it goes; null when an older process queued it. */
    userId: text('user_id').references(() => users.id, { onDelete: 'cascade' }),
    createdAt: time('created_at').notNull(),
    /** When it is worth nothing any more: nobody gets a code that works no more. Null when an older process queued it. */
    expiresAt: time('expires_at'),
    attempts: integer('attempts').notNull().default(0),
    /** Not before. */
    dueAt: time('due_at').notNull().defaultNow(),
    /** Given up: an operator decides. */
    deadAt: time('dead_at'),
    /** What the last attempt failed with. */
    failure: text('failure'),
  },
  (t) => [index('outbox_due').on(t.dueAt, t.id).where(sql`${t.deadAt} is null`), index('outbox_user').on(t.userId)],
);
