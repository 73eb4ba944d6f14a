// What of a provider's configuration could never work.
import { X509Certificate } from 'node:crypto';
import type { ProviderConfig } from '../../kernel/db/providerConfig.ts';
import { invalidField } from '../../kernel/errors.ts';

/** PROVIDER_URL_INVALID, PROVIDER_HEADER_INVALID, PROVIDER_CERTIFICATE_INVALID: what could never work is refused where it is typed. */
export function checkConfig(config: ProviderConfig): void {
  switch (config.type) {
    case 'oidc':
      checkUrl(config.issuer, 'issuer');
      break;
    case 'oauth':
      checkUrl(config.authorizationEndpoint, 'authorization_endpoint');
      checkUrl(config.tokenEndpoint, 'token_endpoint');
      checkUrl(config.userEndpoint, 'user_endpoint');
      break;
    case 'jwt':
      checkUrl(config.endpoint, 'jwt_endpoint');
      checkUrl(config.keysEndpoint, 'keys_endpoint');
      checkHeader(config.headerName);
      break;
    case 'ldap':
      for (const [index, server] of config.servers.entries()) checkUrl(server, `servers[${index}]`, ['ldap:', 'ldaps:']);
      checkCertificates(config.rootCa);
      break;
    case 'google':
    case 'github':
    case 'saml':
      break;
  }
}

/** https, and http for where the guarded client may speak it; no user info, no fragment. */
export function checkUrl(text: string, field: string, schemes: readonly string[] = ['https:', 'http:']): void {
  const refuse = (problem: string) => invalidField('PROVIDER_URL_INVALID', field, { problem });
  if (!URL.canParse(text)) throw refuse('it is none');
  const { protocol, username, password, hash, hostname } = new URL(text);
  if (!schemes.includes(protocol)) throw refuse(`it has to begin with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`);
  if (hostname === '' || username !== '' || password !== '' || hash !== '')
    throw refuse('it needs a host, and neither user nor fragment');
}

/** RFC 9110, 5.6.2. */
const token = /^[!#$%&'*+.^_`|~\w-]+$/;

/** Those that end at the next hop (RFC 9110, 7.6.1), and those that say how a request is to be read or where it comes from. */
const takenHeaders = new Set([
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer'],
  ...['transfer-encoding', 'upgrade', 'host', 'content-length', 'content-type', 'content-encoding', 'expect'],
  ...['cookie', 'set-cookie', 'via', 'forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip'],
]);

function checkHeader(name: string): void {
  const refuse = (problem: string) => invalidField('PROVIDER_HEADER_INVALID', 'header_name', { problem });
  if (!token.test(name)) throw refuse('its name has characters that no header has');
  if (takenHeaders.has(name.toLowerCase())) throw refuse('HTTP or a proxy has it for something else');
}

const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function checkCertificates(pem: string): void {
  if (pem.trim() === '') return;
  const blocks = pem.match(certificate) ?? [];
  const rest = pem.replace(certificate, '').trim();
  if (blocks.length === 0 || rest !== '' || !blocks.every(isCertificate)) {
    throw invalidField('PROVIDER_CERTIFICATE_INVALID', 'root_ca');
  }
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}
