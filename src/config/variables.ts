// The table of all variables, which readConfig reads and the documentation shows.
import * as parse from './parse.ts';
import { Problem } from './parse.ts';
import { trustedIssuers } from './parseIssuers.ts';

export interface Setting {
  name: string;
  /** As it would be written, or in words when it depends on something else. */
  default: string;
  meaning: string;
}

export interface Variable<T> extends Setting {
  /** @throws Problem */
  read(env: NodeJS.ProcessEnv): T;
}

/** Their values are not repeated, not even when they are wrong. */
const secrets = [
  'DATABASE_URL',
  'ROSTER_MASTER_KEY',
  'ROSTER_SMTP_URL',
  'ROSTER_MAIL_WEBHOOK',
  'ROSTER_SMS_WEBHOOK',
  'ROSTER_WEBHOOK_SECRET',
];

function parsed<T>(name: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw new Problem(`${name}${secrets.includes(name) ? '' : ` is ${JSON.stringify(text)}`}: ${error.message}`);
  }
}

export const variable = <T>(name: string, parse: (text: string) => T, fallback: string, meaning: string): Variable<T> => ({
  name,
  default: fallback,
  meaning,
  read: (env) => parsed(name, env[name] || fallback, parse),
});

/** One without a value when it is not set; `otherwise` says what holds then. */
export const optional = <T>(
  name: string,
  parse: (text: string) => T,
  otherwise: string,
  meaning: string,
): Variable<T | undefined> => ({
  name,
  default: otherwise,
  meaning,
  read: (env) => (env[name] ? parsed(name, env[name], parse) : undefined),
});

/** The only one that says something by being empty. */
const linkHosts: Variable<string[] | undefined> = {
  name: 'ROSTER_LINK_HOSTS',
  default: 'any host',
  meaning:
    "The hosts that links in mails may lead to, separated by commas. Empty, none but the public URL's, which is always allowed.",
  read: ({ ROSTER_LINK_HOSTS: text }) =>
    text === undefined ? undefined : parsed('ROSTER_LINK_HOSTS', text, parse.listOf(parse.host)),
};

/** Beyond that the one process that accepts connections and the database are what is short. */
export const mostWorkers = 64;

const KiB = 1024;
const MiB = 1024 * KiB;
const second = 1000;
const hour = 3600 * second;
const year = 365 * 24 * hour;

export const variables = {
  listen: variable(
    'ROSTER_LISTEN',
    parse.address,
    '127.0.0.1:8080',
    'Where to listen: host:port, [::1]:port for IPv6, :port for every interface. Port 0 takes a free one.',
  ),
  workers: optional(
    'ROSTER_WORKERS',
    parse.integer(1, mostWorkers),
    'as many as there are cores',
    'The processes that answer calls, behind one port. 1 is a single process without a supervisor.',
  ),
  publicUrl: optional(
    'ROSTER_PUBLIC_URL',
    parse.origin,
    'http://<host>:<port> of ROSTER_LISTEN, https with TLS',
    'Where callers and browsers reach the service: https or http, host and port, without a path. Links in mails and passkeys depend on it.',
  ),
  dataDir: variable(
    'ROSTER_DATA',
    parse.folder,
    './.roster',
    'The folder for what the service keeps itself: the embedded Postgres, the master key, the first administrator token.',
  ),
  databaseUrl: optional(
    'DATABASE_URL',
    parse.databaseUrl,
    'none: an embedded Postgres in the data folder',
    'The Postgres to use, 15 or newer: postgres://user:password@host:5432/database, with ?sslmode=verify-full for TLS.',
  ),
  databasePool: optional(
    'ROSTER_DATABASE_POOL',
    parse.integer(1, 1000),
    '10; 4 for each worker where that is more, and 80 at most',
    'The most connections to Postgres, shared out among the workers, each of which has one at least.',
  ),
  databasePrepare: variable(
    'ROSTER_DATABASE_PREPARE',
    parse.onOff,
    'on',
    'Prepared statements, on or off. Off is for pgbouncer in transaction mode.',
  ),
  masterKey: optional(
    'ROSTER_MASTER_KEY',
    parse.masterKey,
    'master.key in the data folder, made on the first start',
    'The key that secrets in the database are sealed with: 32 random bytes as hex or base64. Losing it loses those secrets.',
  ),
  tlsCertificate: optional(
    'ROSTER_TLS_CERT',
    parse.file,
    'none: cleartext',
    'The file with the certificate and its chain (PEM).',
  ),
  tlsKey: optional('ROSTER_TLS_KEY', parse.file, 'none: cleartext', 'The file with the private key of the certificate (PEM).'),
  corsOrigins: variable(
    'ROSTER_CORS_ORIGINS',
    parse.listOf(parse.origin),
    '',
    'The origins whose pages may call the service from a browser, separated by commas.',
  ),
  trustedProxies: variable(
    'ROSTER_TRUSTED_PROXIES',
    parse.listOf(parse.network),
    '',
    'The addresses and networks of your own proxies, separated by commas: of a request through them X-Forwarded-For tells the caller.',
  ),
  networkPrefix: variable(
    'ROSTER_NETWORK_PREFIX',
    parse.integer(32, 128),
    '64',
    'The bits of an IPv6 address that make one network, to which wrong tries are counted together.',
  ),
  triesPerNetwork: variable(
    'ROSTER_TRIES_PER_NETWORK',
    parse.integer(10, 1_000_000),
    '100',
    'The wrong tries that one network has at once; spent ones come back within 100 seconds. Right ones are free.',
  ),
  lockAfterPasswordTries: variable(
    'ROSTER_LOCK_AFTER_PASSWORD_TRIES',
    parse.integer(0, 1000),
    '0',
    'The wrong passwords in a row with which a user is locked until somebody unlocks him; 0 is never. Strangers can so lock people out.',
  ),
  linkHosts,
  development: optional(
    'ROSTER_DEVELOPMENT',
    parse.onOff,
    'on when the public URL leads to this machine only',
    'Allows what only a developer needs, such as links to localhost in mails: on or off.',
  ),
  maxMessageBytes: variable(
    'ROSTER_MAX_MESSAGE_BYTES',
    parse.bytes(64 * KiB, 64 * MiB),
    '4MiB',
    'The largest request, in bytes, or with KiB or MiB behind the number.',
  ),
  maxTimeoutMs: variable(
    'ROSTER_MAX_TIMEOUT',
    parse.duration(second, hour),
    '60s',
    'The longest that a caller may let a request run, such as 500ms, 30s or 2m.',
  ),
  drainMs: variable(
    'ROSTER_DRAIN_TIMEOUT',
    parse.duration(0, hour),
    '30s',
    'How long running requests may go on after SIGTERM, such as 500ms, 30s or 2m.',
  ),
  logLevel: variable('ROSTER_LOG_LEVEL', parse.logLevel, 'info', `What is logged: ${parse.logLevels.join(', ')}.`),
  productName: variable('ROSTER_PRODUCT_NAME', parse.productName, 'Roster', 'The name that mails and authenticator apps show.'),
  phoneRegion: variable(
    'ROSTER_PHONE_REGION',
    parse.region,
    parse.usualRegion,
    'The country of phone numbers that come without a country code, two letters.',
  ),
  passkeyDomains: optional(
    'ROSTER_PASSKEY_DOMAINS',
    parse.listOf(parse.domain),
    'any domain',
    "The domains that passkeys and security keys may be bound to, separated by commas. The public URL's host has to be among them to be used.",
  ),
  passkeyOrigins: variable(
    'ROSTER_PASSKEY_ORIGINS',
    parse.listOf(parse.origin),
    '',
    'Origins whose pages may use passkeys of another domain (related origins), separated by commas.',
  ),
  mfaRequired: variable(
    'ROSTER_REQUIRE_MFA',
    parse.onOff,
    'off',
    'Whether the session of a person needs two factors even where the person has set up none: on or off. Who has set one up needs it anyway.',
  ),
  sessionLifetimeMs: optional(
    'ROSTER_SESSION_LIFETIME',
    parse.duration(second, 10 * year),
    'none: as long as whoever creates the session says',
    'The longest that a session lives from its creation on, such as 12h.',
  ),
  maximumRecoveryCodes: variable(
    'ROSTER_RECOVERY_CODES',
    parse.integer(1, 50),
    '10',
    'The most unused recovery codes that a user may hold.',
  ),
  trustedIssuers: variable(
    'ROSTER_TRUSTED_ISSUERS',
    trustedIssuers,
    '[]',
    'Issuers elsewhere whose JWTs are taken as tokens, as a JSON list (docs/operations.md).',
  ),
};
