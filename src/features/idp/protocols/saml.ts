// SAML 2.0 in a browser (saml-profiles-2.0-os, 4.1): our requests and metadata, by node-saml; it makes no calls.
import { randomBytes } from 'node:crypto';
import { generateServiceProviderMetadata, SAML } from '@node-saml/node-saml';
import type { App } from '../../../kernel/call.ts';
import type { SamlConfig } from '../../../kernel/db/providerConfig.ts';
import type { Begun, Identity } from '../identity.ts';
import { samlAcsPath, samlMetadataPath } from '../paths.ts';
import type { ProviderRow } from '../repository.ts';
import { secretOf } from '../secrets.ts';
import type { Beginning, Ending } from './protocols.ts';
import type { SigningKey } from './samlKey.ts';
import { readMetadata, type SamlMetadata } from './samlMetadata.ts';
import { identityOf, nameIdFormats } from './samlProfile.ts';
import { readResponse } from './samlResponse.ts';

/** Who we are to a provider: one name and one place for each. */
const ourselves = ({ settings }: Pick<App, 'settings'>, { id }: ProviderRow) => ({
  issuer: `${settings.publicUrl}${samlMetadataPath(id)}`,
  callbackUrl: `${settings.publicUrl}${samlAcsPath(id)}`,
});

const hashes = { 'rsa-sha1': 'sha1', 'rsa-sha256': 'sha256', 'rsa-sha512': 'sha512' } as const;

/** Nothing where requests are not signed. */
function signing(app: Pick<App, 'keys'>, provider: ProviderRow, { signedRequest, signatureAlgorithm }: SamlConfig) {
  if (!signedRequest) return {};
  const { key, certificate }: SigningKey = JSON.parse(secretOf(app, provider));
  const hash = hashes[signatureAlgorithm];
  return { privateKey: key, publicCert: certificate, signatureAlgorithm: hash, digestAlgorithm: hash };
}

/** A redirect where the provider takes both: it needs no page in between. */
function wayTo({ signOn }: SamlMetadata, { binding }: SamlConfig): { by: 'redirect' | 'post'; url: string } {
  if (binding !== 'post' && signOn.redirect !== undefined) return { by: 'redirect', url: signOn.redirect };
  if (binding !== 'redirect' && signOn.post !== undefined) return { by: 'post', url: signOn.post };
  throw new Error('the metadata of the provider do not fit its binding');
}

export async function beginSaml(app: App, provider: ProviderRow, config: SamlConfig, { id }: Beginning): Promise<Begun> {
  const metadata = readMetadata(config.metadataXml);
  const { by, url } = wayTo(metadata, config);
  // An XML name begins with no digit.
  const requestId = `_${randomBytes(20).toString('hex')}`;
  const saml = new SAML({
    ...ourselves(app, provider),
    ...signing(app, provider, config),
    idpCert: metadata.certificates,
    entryPoint: url,
    identifierFormat: nameIdFormats[config.nameIdFormat],
    disableRequestedAuthnContext: true,
    generateUniqueId: () => requestId,
    // saml-bindings-2.0-os: deflated in a redirect (3.4.4.1), not in a form (3.5.4).
    skipRequestCompression: by === 'post',
  });
  const expected = { requestId };
  switch (by) {
    case 'redirect':
      return { journey: { kind: 'redirect', url: await saml.getAuthorizeUrlAsync(id, undefined, {}) }, expected };
    case 'post': {
      const message = await saml.getAuthorizeMessageAsync(id, undefined, {});
      const fields = Object.fromEntries(Object.entries(message).map(([name, value]) => [name, String(value)]));
      return { journey: { kind: 'form', url, fields }, expected };
    }
  }
}

export async function finishSaml(
  app: App,
  provider: ProviderRow,
  config: SamlConfig,
  { expected: { requestId = '' }, answer }: Ending,
): Promise<Identity> {
  const metadata = readMetadata(config.metadataXml);
  const { issuer, callbackUrl } = ourselves(app, provider);
  const { asserted, assertion } = await readResponse(answer.parameters.get('SAMLResponse') ?? '', metadata, {
    entityId: metadata.entityId,
    audience: issuer,
    acs: callbackUrl,
    requestId,
    now: app.clock(),
  });
  return identityOf(asserted, config, assertion);
}

/** What a provider has to know of us, as XML. */
export function ourMetadata(app: Pick<App, 'keys' | 'settings'>, provider: ProviderRow, config: SamlConfig): string {
  const { publicCert, ...key } = { publicCert: undefined, ...signing(app, provider, config) };
  return generateServiceProviderMetadata({
    ...ourselves(app, provider),
    ...key,
    ...(publicCert !== undefined && { publicCerts: publicCert }),
    identifierFormat: nameIdFormats[config.nameIdFormat],
    wantAssertionsSigned: true,
  });
}
