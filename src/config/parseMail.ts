// How the values of settings are written that tell how messages leave. Every function throws a Problem, like those of parse.ts.
import type { Sender } from '../kernel/outbox/mail.ts';
import type { SmtpServer } from '../kernel/outbox/routes.ts';
import { file, Problem } from './parse.ts';

const smtpForm = 'write smtp://user:password@host:587, or smtps://user:password@host:465 for TLS from the start';
const encoded = 'characters such as # / @ : % in user and password are written as %23 %2F %40 %3A %25';

export function smtpServer(text: string): SmtpServer {
  if (!/^smtps?:\/\//.test(text)) throw new Problem(smtpForm);
  if (!URL.canParse(text)) throw new Problem(`not a URL; ${encoded}`);
  const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(text);
  const tls = protocol === 'smtps:';
  if (hostname === '' || !['', '/'].includes(pathname) || hash !== '') throw new Problem(`${smtpForm}; ${encoded}`);
  if (!['', '?tls=off'].includes(search) || (tls && search !== '')) {
    throw new Problem('the only parameter is ?tls=off, and of smtp:// only: nothing is encrypted then, the password neither');
  }
  if ((username === '') !== (password === '')) throw new Problem('user and password go together');
  return {
    host: decoded(hostname).replace(/^\[|\]$/g, ''),
    port: port === '' ? (tls ? 465 : 587) : Number(port),
    security: tls ? 'tls' : search === '' ? 'starttls' : 'none',
    login: username === '' ? undefined : { user: decoded(username), password: decoded(password) },
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Problem(encoded);
  }
}

export function sender(text: string): Sender {
  const [, quoted = '', address = ''] = /^(?:(.*)<)?([^\s<>@,;:"\p{C}]+@[^\s<>@,;:"\p{C}]+?)>?$/u.exec(text.trim()) ?? [];
  const name = quoted.trim().replace(/^"(.*)"$/, '$1');
  if (address === '' || text.includes('<') !== text.trim().endsWith('>') || name.length > 100 || /["<>\p{C}]/u.test(name)) {
    throw new Problem('write an address, users@example.com, or a name with it, Example <users@example.com>');
  }
  return { name, address };
}

export function webhook(text: string): string {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) throw new Problem('write a URL, such as https://sms.example.com/roster');
  const { username, password, hash, href } = new URL(text);
  if (username !== '' || password !== '' || hash !== '') throw new Problem('write it without user, password and fragment');
  return href;
}

export function webhookSecret(text: string): string {
  if (!/^[\x21-\x7e]{32,256}$/.test(text)) {
    throw new Problem('write 32 to 256 characters of ASCII without spaces; `openssl rand -hex 32` makes them');
  }
  return text;
}

/** Certificates (PEM) of a file. */
export function certificates(path: string): string {
  const text = file(path);
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new Problem('the file holds no certificate (PEM)');
  return text;
}
