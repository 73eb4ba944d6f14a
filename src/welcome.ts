import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import { styleText } from 'node:util';
import type { Running } from './app.ts';
import { type Config, urlOf } from './config.ts';

const bold = (text: string) => styleText('bold', text, { stream: process.stdout });

/** What a start says to the one who looks on: where the service is, where the owner's token lies, and calls to try. */
export function welcome({ url, port, tokenFile }: Pick<Running, 'url' | 'port' | 'tokenFile'>, config: Config): string {
  const listening = urlOf({ ...config.listen, port }, config.tls !== undefined);
  const via = listening === url ? '' : `, and listens at ${listening}`;
  const written = tokenFile ? [`The owner's token was written to ${bold(shown(tokenFile))}: keep it, it opens everything.`] : [];
  // A certificate holds for the public name only; without one, TLS ends in front of us and this machine goes without.
  return [
    `Roster ${version()} serves gRPC, gRPC-Web, Connect and REST at ${bold(url)}${via}.`,
    ...written,
    ...calls(config.tls ? url : listening, config),
    ...files(config.delivery),
  ].join('\n');
}

function calls(url: string, { dataDir, tls }: Config): string[] {
  const { hostname, port, protocol } = new URL(url);
  const target = `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
  const trusted = !tls || !signsItself(tls.cert);
  const token = `-H "Authorization: Bearer ${tokenIn(dataDir)}"`;
  const method = 'zitadel.user.v2.UserService/ListUsers';
  return [
    'Try:',
    `  curl -s${trusted ? '' : 'k'} ${url}/${method} ${token} -H 'Content-Type: application/json' -d '{}'`,
    `  grpcurl ${tls ? '' : '-plaintext '}${trusted ? '' : '-insecure '}${token} ${target} ${method}`,
    `  ${url}/docs in a browser, which shows every call and sends it`,
  ];
}

/** Where to look for the code of the first user that somebody makes. */
function files({ email, sms }: Config['delivery']): string[] {
  const folder = [email, sms].find((route) => route.by === 'files')?.folder;
  if (folder === undefined) return [];
  const what = email.by !== 'files' ? 'Text messages' : sms.by !== 'files' ? 'Mails' : 'Mails and text messages';
  return [`${what} to people are written to ${bold(shown(folder))}, and not sent.`];
}

function signsItself(cert: string): boolean {
  const certificate = new X509Certificate(cert);
  return certificate.checkIssued(certificate);
}

/** Another replica, or an operator who moved the file away, has the token elsewhere. */
function tokenIn(dataDir: string): string {
  const file = join(dataDir, 'admin.pat');
  return existsSync(file) ? `$(cat ${shown(file)})` : '$TOKEN';
}

/** A path as one would type it here. */
function shown(file: string): string {
  const near = relative(process.cwd(), file);
  const path = near.startsWith('..') || isAbsolute(near) ? file : near;
  return /^[\w@%+=:,./\\-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

function version(): unknown {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
}
