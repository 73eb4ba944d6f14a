// What an operator may set, all of it environment variables, read once. How a value is written is in config/values.ts.
import { isAbsolute, resolve } from 'node:path';
import type { CountryCode } from 'libphonenumber-js/max';
import { type Address, isLoopback, urlOf } from './config/address.ts';
import { nearest } from './config/nearest.ts';
import { type Tls, tlsPair } from './config/tls.ts';
import * as values from './config/values.ts';

export interface Config {
  /** Default 127.0.0.1:8080. Port 0 takes a free one. */
  listen: Address;
  /** Scheme, host and port, without a slash at the end. Default: the address listened on, `localhost` for this machine's own. */
  publicUrl: string;
  /** Absolute path. Default ./.roster. */
  dataDir: string;
  /** With its password: never for a log. Default none: an embedded Postgres. */
  databaseUrl?: string | undefined;
  /** The most connections, 1 to 1000. Default 10. */
  databasePool: number;
  /** Default on. */
  databasePrepare: boolean;
  /** 32 bytes, secret. Default none: the one in the data folder. */
  masterKey?: Buffer | undefined;
  /** PEM. Default none: cleartext. */
  tls?: Tls | undefined;
  /** Scheme, host and port each. Default none. */
  corsOrigins: string[];
  /** Host, or host and port, each. Default undefined: any host; empty: none but the public URL's. */
  linkHosts?: string[] | undefined;
  /** Default: on when the public URL is this machine's own. */
  development: boolean;
  /** Bytes, 64 KiB to 64 MiB. Default 4 MiB. */
  maxMessageBytes: number;
  /** Milliseconds, 1 s to 1 h. Default 60 s. */
  maxTimeoutMs: number;
  /** Milliseconds, 0 to 1 h. Default 30 s. */
  drainMs: number;
  /** Default info. */
  logLevel: values.LogLevel;
  /** 1 to 100 characters. Default Roster. */
  productName: string;
  /** ISO 3166-1 alpha-2. Default CH. */
  phoneRegion: CountryCode;
}

export interface Setting {
  name: string;
  /** As it would be written, or in words where it depends on something else. */
  default: string;
  meaning: string;
}

/** A setting with its reader, which throws a ValueProblem. A `fallback` is read when the variable is not set. */
interface Readable<T> extends Setting {
  read: (text: string) => T;
  fallback?: string;
  /** Whether an empty variable says something else than one that is not set. */
  emptyCounts?: boolean;
  /** A secret's value is not repeated in an error. */
  secret?: boolean;
}

type Variables = { [K in Exclude<keyof Config, 'tls'>]-?: Readable<Exclude<Config[K], undefined>> } & {
  tlsCertificate: Readable<string>;
  tlsKey: Readable<string>;
};

const variables: Variables = {
  listen: {
    name: 'ROSTER_LISTEN',
    default: '127.0.0.1:8080',
    fallback: '127.0.0.1:8080',
    meaning: 'Where to listen: host:port, [::1]:8080 for IPv6, :8080 for every interface, port 0 for a free one.',
    read: values.address,
  },
};
