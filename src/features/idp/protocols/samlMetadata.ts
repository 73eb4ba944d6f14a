// What the metadata of a provider say (saml-metadata-2.0-os). Their signature is not looked at: there is nobody yet to be
// trusted with it; an administrator vouches for the document, or TLS for where it is.
import { X509Certificate } from 'node:crypto';
import { childrenOf, isElement, namespaces, onlyChild, readXml, UnreadableXml, type XmlElement } from './samlXml.ts';

export interface SamlMetadata {
  entityId: string;
  /** Where requests go, by how they travel. */
  signOn: { redirect: string | undefined; post: string | undefined };
  /** PEM; an answer signed with any of them is the provider's: keys are rolled over by naming two for a while. */
  certificates: string[];
  /** Milliseconds since 1970; undefined: for ever. */
  validUntil: number | undefined;
}

/** More than any change of keys needs; each may cost one more look at a response. */
const maximumCertificates = 5;
/** What describes one provider stays far below it, with all its claims. */
const maximumElements = 5000;

const bindings = {
  redirect: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect',
  post: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST',
} as const;

/** @throws UnreadableXml for what nobody could sign in with. */
export function readMetadata(xml: string): SamlMetadata {
  const entity = entityIn(readXml(xml, maximumElements));
  const entityId = entity.attributes.get('entityID') ?? '';
  const provider = onlyChild(entity, namespaces.metadata, 'IDPSSODescriptor');
  if (entityId === '' || !provider) throw new UnreadableXml('they describe no identity provider');
  const signOn = { redirect: locationOf(provider, bindings.redirect), post: locationOf(provider, bindings.post) };
  if (signOn.redirect === undefined && signOn.post === undefined) {
    throw new UnreadableXml('they name no single sign-on service by HTTP-Redirect or HTTP-POST');
  }
  const until = entity.attributes.get('validUntil');
  const validUntil = until === undefined ? undefined : Date.parse(until);
  if (Number.isNaN(validUntil)) throw new UnreadableXml('their end (validUntil) is no time');
  return { entityId, signOn, certificates: certificatesOf(provider), validUntil };
}

function entityIn(root: XmlElement): XmlElement {
  if (isElement(root, namespaces.metadata, 'EntityDescriptor')) return root;
  if (!isElement(root, namespaces.metadata, 'EntitiesDescriptor')) throw new UnreadableXml('they are no SAML metadata');
  const providers = childrenOf(root, namespaces.metadata, 'EntityDescriptor').filter(
    (entity) => childrenOf(entity, namespaces.metadata, 'IDPSSODescriptor').length > 0,
  );
  const [only, ...more] = providers;
  if (!only || more.length > 0) throw new UnreadableXml('they have to describe one identity provider');
  return only;
}

function locationOf(provider: XmlElement, binding: string): string | undefined {
  const services = childrenOf(provider, namespaces.metadata, 'SingleSignOnService');
  const location = services.find(({ attributes }) => attributes.get('Binding') === binding)?.attributes.get('Location');
  if (location === undefined) return undefined;
  const url = URL.canParse(location) ? new URL(location) : undefined;
  if (!url || !['https:', 'http:'].includes(url.protocol) || url.username !== '' || url.password !== '') {
    throw new UnreadableXml('their single sign-on service has no http or https URL');
  }
  return url.href;
}

function certificatesOf(provider: XmlElement): string[] {
  const keys = childrenOf(provider, namespaces.metadata, 'KeyDescriptor');
  const signing = keys.filter(({ attributes }) => (attributes.get('use') ?? 'signing') === 'signing');
  const certificates = signing
    .flatMap((key) => childrenOf(key, namespaces.signature, 'KeyInfo'))
    .flatMap((info) => childrenOf(info, namespaces.signature, 'X509Data'))
    .flatMap((data) => childrenOf(data, namespaces.signature, 'X509Certificate'))
    .map(({ text }) => readCertificate(text))
    .filter(({ publicKey }) => publicKey.asymmetricKeyType === 'rsa')
    .map((certificate) => certificate.toString());
  const different = [...new Set(certificates)];
  if (different.length === 0) throw new UnreadableXml('they hold no certificate with an RSA key for signatures');
  if (different.length > maximumCertificates) {
    throw new UnreadableXml(`they hold more than ${maximumCertificates} certificates for signatures`);
  }
  return different;
}

function readCertificate(base64: string): X509Certificate {
  try {
    return new X509Certificate(Buffer.from(base64, 'base64'));
  } catch {
    throw new UnreadableXml('one of their certificates cannot be read');
  }
}
