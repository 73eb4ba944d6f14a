// How the values of settings are written. Every function throws a Problem that says how to write it, and repeats nothing.
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import ipaddr from 'ipaddr.js';
import type { CountryCode } from 'libphonenumber-js/max';
import { masterKeyBytes } from '../kernel/crypto/keys.ts';
import { phoneNumbers } from '../kernel/phoneNumbers.ts';

/** What is wrong with one setting, in a sentence for the operator. */
export class Problem extends Error {
  override name = 'Problem';
}

export interface Address {
  /** '' for every interface; IPv6 without brackets. */
  host: string;
  port: number;
}

export function address(text: string): Address {
  const [, six, name, port] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s/]*)):(\d{1,5})$/i.exec(text) ?? [];
  if (port === undefined || Number(port) > 65535) {
    throw new Problem('write host:port, such as 127.0.0.1:8080, [::1]:8080, or :8080 for every interface');
  }
  return { host: six ?? name ?? '', port: Number(port) };
}

export function origin(text: string): string {
  if (!/^https?:\/\/[^\s/@?#\\*]+\/?$/i.test(text) || !URL.canParse(text)) {
    throw new Problem('write scheme, host and port only, such as https://users.example.com');
  }
  return new URL(text).origin;
}

export function host(text: string): string {
  if (!/^[^\s/@?#\\*]+$/.test(text) || !URL.canParse(`https://${text}`)) {
    throw new Problem('write hosts without a scheme, such as app.example.com or app.example.com:8443');
  }
  return new URL(`https://${text}`).host;
}

/** ASCII in lower case, as browsers name it. */
export function domain(text: string): string {
  if (!/^[a-z\d]([a-z\d-]*[a-z\d])?(\.[a-z\d]([a-z\d-]*[a-z\d])?)*$/.test(text) || isIP(text) !== 0) {
    throw new Problem('write domains without scheme and port, in lower-case ASCII, such as example.com');
  }
  return text;
}

/** An address with the number of its bits that count. */
export type Network = [ipaddr.IPv4 | ipaddr.IPv6, number];

export function network(text: string): Network {
  const [, address = '', bits] = /^([\da-f.:]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? [];
  const most = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
  const prefix = Number(bits ?? most);
  const ours = prefix > 0 && prefix <= most ? ipaddr.parse(address) : undefined;
  if (!ours || ours.range() === 'ipv4Mapped') {
    throw new Problem('write addresses or networks, such as 10.0.0.7, 10.1.0.0/16 or 2001:db8::/48, and never all there are');
  }
  return [ours, prefix];
}

export const listOf =
  <T>(item: (text: string) => T) =>
  (text: string): T[] =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .map(item);

export function databaseUrl(text: string): string {
  if (!/^postgres(ql)?:\/\//.test(text)) throw new Problem('write postgres://user:password@host:5432/database');
  // Several hosts are allowed, but not to URL's parser.
  const single = text.replace(/,[^/?@]*(?=[/?]|$)/, '');
  if (!isEncoded(text) || !URL.canParse(single) || new URL(single).hash !== '' || new URL(single).hostname === '') {
    throw new Problem('not a URL; characters such as # / @ : % in the password are written as %23 %2F %40 %3A %25');
  }
  return text;
}

const isEncoded = (text: string) => !/%(?![0-9a-f]{2})/i.test(text);

export const integer =
  (least: number, most: number) =>
  (text: string): number => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(number >= least && number <= most)) throw new Problem(`write a whole number from ${least} to ${most}`);
    return number;
  };

export function onOff(text: string): boolean {
  if (text !== 'on' && text !== 'off') throw new Problem('write on or off');
  return text === 'on';
}

export function masterKey(text: string): Buffer {
  const hex = /^[0-9a-f]{64}$/i.test(text);
  const base64 = /^[\w+/-]{43}=?$/.test(text);
  const key = Buffer.from(text, hex ? 'hex' : 'base64');
  if (!(hex || base64) || key.length !== masterKeyBytes) {
    throw new Problem('write 32 random bytes as 64 hex digits or as base64; `openssl rand -hex 32` makes them');
  }
  return key;
}

const byteUnits: Record<string, number> = { '': 1, KiB: 1024, MiB: 1024 * 1024 };

/** @param least Bytes, as `most`. */
export const bytes =
  (least: number, most: number) =>
  (text: string): number => {
    const size = quantity(text, byteUnits);
    if (!(size >= least && size <= most))
      throw new Problem(`write a size from ${least} to ${most} bytes, such as 4MiB or 512KiB`);
    return size;
  };

const timeUnits: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** @param least Milliseconds, as `most` and the result. */
export const duration =
  (least: number, most: number) =>
  (text: string): number => {
    const time = quantity(text, timeUnits);
    if (!(time >= least && time <= most)) {
      throw new Problem(`write a time with its unit (ms, s, m, h) from ${least / 1000}s to ${most / 1000}s, such as 30s`);
    }
    return time;
  };

function quantity(text: string, units: Record<string, number>): number {
  const [, digits, unit = ''] = /^(\d{1,12}) ?([a-z]*)$/i.exec(text) ?? [];
  return Number(digits) * (Object.hasOwn(units, unit) ? (units[unit] ?? Number.NaN) : Number.NaN);
}

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export function logLevel(text: string): LogLevel {
  const level = logLevels.find((level) => level === text);
  if (!level) throw new Problem(`write one of ${logLevels.join(', ')}`);
  return level;
}

/** It stands in mails' headers, where a line break would be a hole. */
export function productName(text: string): string {
  const name = text.trim();
  if (name === '' || name.length > 100 || /\p{C}/u.test(name)) throw new Problem('write up to 100 characters on one line');
  return name;
}

/** Known to be one, so that the usual start need not ask. */
export const usualRegion = 'CH';

export function region(text: string): CountryCode {
  if (text === usualRegion) return text;
  if (!phoneNumbers().isSupportedCountry(text)) throw new Problem('write the two capital letters of a country, such as CH or US');
  return text;
}

/** The text of a file. */
export function file(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Problem(`the file cannot be read (${error instanceof Error && 'code' in error ? error.code : error})`);
  }
}

export const folder = (path: string): string => resolve(path);
