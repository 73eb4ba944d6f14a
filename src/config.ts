// What an operator may set: environment variables, read once.
// The table of variables is in config/variables.ts.
import { availableParallelism } from 'node:os';
import type { CountryCode } from 'libphonenumber-js/max';
import { deliveryVariables, outgoingOf, routesOf } from './config/delivery.ts';
import { type Address, type LogLevel, type Network, Problem } from './config/parse.ts';
import { pairOf, type Tls } from './config/tls.ts';
import { unknownVariables } from './config/unknown.ts';
import { mostWorkers, type Setting, type Variable, variables } from './config/variables.ts';
import type { Outgoing } from './kernel/http/client.ts';
import type { Routes } from './kernel/outbox/routes.ts';
import type { TrustedIssuer } from './kernel/settings.ts';

export interface Config {
  /** Default 127.0.0.1:8080. Host '' is every interface, port 0 a free port. */
  listen: Address;
  /** Processes behind the port, 1 to 64. Default: one for each core. */
  workers: number;
  /** Scheme, host and port, no slash at the end. Default: where it listens, as `localhost` if that is this machine only. */
  publicUrl: string;
  /** Absolute path. Default ./.roster. */
  dataDir: string;
  /** Holds a password: never for a log. Default: none, which starts the embedded Postgres. */
  databaseUrl?: string | undefined;
  /** Connections of all workers together, 1 to 1000. Default: 10, or 4 for each worker up to 80. */
  databasePool: number;
  /** Default on. */
  databasePrepare: boolean;
  /** 32 bytes, never for a log. Default: none, which takes the one in the data folder. */
  masterKey?: Buffer | undefined;
  /** Default: none, cleartext. */
  tls?: Tls | undefined;
  /** Scheme, host and port of each. Default: none. */
  corsOrigins: string[];
  /** Of X-Forwarded-For. Default: none, the header counts for nothing. */
  trustedProxies: Network[];
  /** Bits of an IPv6 address, 32 to 128. Default 64. */
  networkPrefix: number;
  /** 10 to 1 000 000. Default 100. */
  triesPerNetwork: number;
  /** Up to 1000. Default 0, never. */
  lockAfterPasswordTries: number;
  /** Each host, with its port if it is not the usual one. Default: undefined, any host; empty: the public URL's only. */
  linkHosts?: string[] | undefined;
  /** Default: on when the public URL leads to this machine only. */
  development: boolean;
  /** Bytes, 64 KiB to 64 MiB. Default 4 MiB. */
  maxMessageBytes: number;
  /** Milliseconds, 1 s to 1 h. Default 60 s. */
  maxTimeoutMs: number;
  /** Milliseconds, up to 1 h. Default 30 s. */
  drainMs: number;
  /** Default info. */
  logLevel: LogLevel;
  /** Up to 100 characters. Default Roster. */
  productName: string;
  /** ISO 3166-1 alpha-2. Default CH. */
  phoneRegion: CountryCode;
  /** Default: undefined, any domain. */
  passkeyDomains?: string[] | undefined;
  /** Default: none beside those of the domain itself. */
  passkeyOrigins: string[];
  /** Default off. */
  mfaRequired: boolean;
  /** Milliseconds, 1 s to 10 years. Default: none. */
  sessionLifetimeMs?: number | undefined;
  /** 1 to 50. Default 10. */
  maximumRecoveryCodes: number;
  /** Default: none. */
  trustedIssuers: TrustedIssuer[];
  /** How messages leave. What is wrong with these settings stands in the route. Holds passwords: never for a log. */
  delivery: Routes;
  /** Where calls to identity providers may go. */
  outgoing: Outgoing;
}

/** Everything that is wrong with the configuration, a line each. */
export class ConfigError extends Error {
  override name = 'ConfigError';

  constructor(problems: string[]) {
    super(['The configuration is wrong:', ...problems.map((problem) => `- ${problem}`)].join('\n'));
  }
}

/** For the reference in the documentation. */
export const settings: readonly Setting[] = [...Object.values(variables), ...Object.values(deliveryVariables)];

/** @throws ConfigError with all problems at once. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const names = settings.map(({ name }) => name);
  const readers = [...Object.values(variables).map(({ read }) => read), readTls];
  const problems = new Set([...unknownVariables(env, names), ...readers.flatMap((read) => problemsOf(() => read(env)))]);
  if (problems.size > 0) throw new ConfigError([...problems]);
  const read = <T>(variable: Variable<T>) => variable.read(env);
  const listen = read(variables.listen);
  const tls = readTls(env);
  const publicUrl = read(variables.publicUrl) ?? urlOf(listen, tls !== undefined);
  const dataDir = read(variables.dataDir);
  const development = read(variables.development) ?? isLoopback(new URL(publicUrl).hostname);
  const workers = read(variables.workers) ?? Math.min(availableParallelism(), mostWorkers);
  return {
    listen,
    workers,
    publicUrl,
    dataDir,
    databaseUrl: read(variables.databaseUrl),
    databasePool: read(variables.databasePool) ?? poolFor(workers),
    databasePrepare: read(variables.databasePrepare),
    masterKey: read(variables.masterKey),
    tls,
    corsOrigins: read(variables.corsOrigins),
    trustedProxies: read(variables.trustedProxies),
    networkPrefix: read(variables.networkPrefix),
    triesPerNetwork: read(variables.triesPerNetwork),
    lockAfterPasswordTries: read(variables.lockAfterPasswordTries),
    linkHosts: read(variables.linkHosts),
    development,
    maxMessageBytes: read(variables.maxMessageBytes),
    maxTimeoutMs: read(variables.maxTimeoutMs),
    drainMs: read(variables.drainMs),
    logLevel: read(variables.logLevel),
    productName: read(variables.productName),
    phoneRegion: read(variables.phoneRegion),
    passkeyDomains: read(variables.passkeyDomains),
    passkeyOrigins: read(variables.passkeyOrigins),
    mfaRequired: read(variables.mfaRequired),
    sessionLifetimeMs: read(variables.sessionLifetimeMs),
    maximumRecoveryCodes: read(variables.maximumRecoveryCodes),
    trustedIssuers: read(variables.trustedIssuers),
    delivery: routesOf(env, { dataDir, development }),
    outgoing: outgoingOf(env),
  };
}

/** Of 100 connections that Postgres takes by default some are left to others. */
const poolFor = (workers: number) => Math.min(80, Math.max(10, 4 * workers));

const readTls = (env: NodeJS.ProcessEnv) => pairOf(variables.tlsCertificate.read(env), variables.tlsKey.read(env));

function problemsOf(read: () => unknown): string[] {
  try {
    read();
    return [];
  } catch (error) {
    if (error instanceof Problem) return [error.message];
    throw error;
  }
}

/** Where a server is reached that listens there, as far as it can know. */
export const urlOf = ({ host, port }: Address, secure: boolean): string => {
  const local = ['', '127.0.0.1', '0.0.0.0', '::'].includes(host);
  const name = local ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return new URL(`${secure ? 'https' : 'http'}://${name}:${port}`).origin;
};

/** With port 0 the default public URL is known only when the port is. */
export function listeningAt(config: Config, port: number): Config {
  const { listen, tls, publicUrl } = config;
  const secure = tls !== undefined;
  const known = { ...listen, port };
  return { ...config, listen: known, publicUrl: publicUrl === urlOf(listen, secure) ? urlOf(known, secure) : publicUrl };
}

/** @param hostname As in a URL: IPv6 in brackets. */
const isLoopback = (hostname: string) => /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
