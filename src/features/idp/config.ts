// What of a provider's configuration could never work.
import { X509Certificate } from 'node:crypto';
import type { ProviderConfig } from '../../kernel/db/providerConfig.ts';
import { invalidField } from '../../kernel/errors.ts';

/** PROVIDER_URL_INVALID, PROVIDER_CERTIFICATE_INVALID: what could never work is refused where it is typed. */
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
