// Owns: whether a response is what the provider signed. What a response says outside of its signatures can only have it
// refused; who somebody is, is read from the verified text alone.
import { ProviderRefusal } from '../identity.ts';
import { type Asserted, type Expectation, readAssertion, refusal } from './samlAssertion.ts';
import type { SamlMetadata } from './samlMetadata.ts';
import { verdictOn } from './samlVerification.ts';
import type { Signatures } from './samlVerifier.ts';
import { everyElement, isElement, namespaces, onlyChild, readXml, UnreadableXml, type XmlElement } from './samlXml.ts';

/** @param encoded Of the field SAMLResponse. @throws ProviderRefusal */
export async function readResponse(
  encoded: string,
  { certificates }: SamlMetadata,
  expectation: Expectation,
): Promise<{ asserted: Asserted; assertion: string }> {
  if (encoded.length > maximumEncoded) throw refusal(`the response has more than ${maximumEncoded} characters`);
  const response = read(Buffer.from(encoded, 'base64').toString());
  checkEnvelope(response, expectation);
  const assertion = await verified(encoded, certificates, expectation, signaturesOf(response));
  return { asserted: readAssertion(read(assertion), expectation), assertion };
}

/** In base64. One with its certificates and the 150 groups that Entra ID sends at most has about 40,000. */
const maximumEncoded = 250_000;
/** Values of attributes, most of all. Whoever began a sign-in may post: what verifies signatures gets slow with more. */
const maximumElements = 1000;

/** What the parser complains of may hold a part of the response: it goes nowhere. */
function read(text: string): XmlElement {
  try {
    return readXml(text, maximumElements);
  } catch (error) {
    throw refusal(error instanceof UnreadableXml ? `the response cannot be used: ${error.message}` : 'there is no response');
  }
}

function checkEnvelope(response: XmlElement, { entityId, acs, requestId }: Expectation): void {
  if (!isElement(response, namespaces.protocol, 'Response')) throw refusal('there is no response');
  const { attributes } = response;
  if (attributes.get('InResponseTo') !== requestId) throw refusal('the response answers another request, or none');
  if ((attributes.get('Destination') ?? acs) !== acs) throw refusal('the response is for somewhere else');
  const issuer = onlyChild(response, namespaces.assertion, 'Issuer')?.text.trim() ?? entityId;
  if (issuer !== entityId) throw refusal('the response is of another provider');
  checkStatus(response);
}

const status = 'urn:oasis:names:tc:SAML:2.0:status:';
/** The person could not, or would not: SAML core 3.2.2.2. */
const denials = ['AuthnFailed', 'RequestDenied', 'NoPassive', 'NoAuthnContext', 'UnknownPrincipal'];

function checkStatus(response: XmlElement): void {
  const code = onlyChild(onlyChild(response, namespaces.protocol, 'Status'), namespaces.protocol, 'StatusCode');
  const value = code?.attributes.get('Value');
  if (value === `${status}Success`) return;
  const why = onlyChild(code, namespaces.protocol, 'StatusCode')?.attributes.get('Value');
  const denial = denials.find((name) => `${status}${name}` === why);
  if (denial !== undefined) throw new ProviderRefusal('access_denied', `the provider refused (${denial})`);
  throw refusal('the provider could not answer');
}

/** SHA-1 is broken: not for what lets people in. */
const algorithms = new Set([
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
  'http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1',
]);
const digests = new Set(['http://www.w3.org/2001/04/xmlenc#sha256', 'http://www.w3.org/2001/04/xmlenc#sha512']);

/**
 * One assertion, and signatures only where they belong: as children of it or of the response. Whatever is moved, copied
 * or wrapped around something is refused by its shape.
 */
function signaturesOf(response: XmlElement): Signatures {
  const all = everyElement(response);
  const named = (namespace: string, name: string) => all.filter((element) => isElement(element, namespace, name));
  if (named(namespaces.assertion, 'EncryptedAssertion').length > 0) throw refusal('encrypted assertions are not supported');
  const assertion = onlyChild(response, namespaces.assertion, 'Assertion');
  if (!assertion || all.filter(({ name }) => name === 'Assertion').length !== 1) throw refusal('there is not one assertion');
  const own = [response, assertion].map((element) => onlyChild(element, namespaces.signature, 'Signature'));
  const found = own.filter((signature) => signature !== undefined).length;
  if (found === 0) throw refusal('nothing in the response is signed');
  if (all.filter(({ name }) => name === 'Signature').length !== found) throw refusal('there are signatures out of place');
  const algorithmOf = ({ attributes }: XmlElement) => attributes.get('Algorithm') ?? '';
  const used = (name: string) => named(namespaces.signature, name).map(algorithmOf);
  if (!used('SignatureMethod').every((name) => algorithms.has(name)) || !used('DigestMethod').every((name) => digests.has(name)))
    throw refusal('the signature is of a kind that is not accepted');
  return { response: own[0] !== undefined, assertion: own[1] !== undefined };
}

/** The text of the assertion that the signatures cover. */
async function verified(
  encoded: string,
  certificates: string[],
  { audience, acs }: Expectation,
  signed: Signatures,
): Promise<string> {
  const verdict = await verdictOn({ encoded, certificates, audience, acs, signed });
  if ('assertion' in verdict) return verdict.assertion;
  switch (verdict.wrong) {
    case 'signature':
      throw refusal('the signature is not right');
    case 'assertion':
      throw refusal('the assertion cannot be read');
  }
}
