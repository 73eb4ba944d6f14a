// What a signed assertion has to say to be for us, now, and in answer to our request (saml-profiles-2.0-os, 4.1.4.3).
import { ProviderRefusal } from '../identity.ts';
import { childrenOf, isElement, namespaces, onlyChild, type XmlElement } from './samlXml.ts';

/** What an answer is held against. */
export interface Expectation {
  /** Of the provider, from its metadata. */
  entityId: string;
  /** Our own name there. */
  audience: string;
  /** Where answers are posted to. */
  acs: string;
  requestId: string;
  now: Date;
}

export interface Asserted {
  nameId: string;
  /** As the provider calls it; empty: it does not say. */
  nameIdFormat: string;
  attributes: ReadonlyMap<string, readonly string[]>;
  /** Milliseconds since 1970; undefined: it does not say. */
  endsAt: number | undefined;
}

/** Milliseconds by which clocks may differ. */
const skewMs = 60_000;

const bearer = 'urn:oasis:names:tc:SAML:2.0:cm:bearer';

/** @param assertion As its signature covers it. @throws ProviderRefusal */
export function readAssertion(assertion: XmlElement, expectation: Expectation): Asserted {
  if (!isElement(assertion, namespaces.assertion, 'Assertion') || assertion.attributes.get('Version') !== '2.0') {
    throw refusal('there is no assertion of SAML 2.0');
  }
  if (textIn(assertion, 'Issuer') !== expectation.entityId) throw refusal('the assertion is of another provider');
  checkConditions(child(assertion, 'Conditions'), expectation);
  const subject = child(assertion, 'Subject');
  const confirmations = childrenOf(subject, namespaces.assertion, 'SubjectConfirmation');
  if (!confirmations.some((confirmation) => confirms(confirmation, expectation))) {
    throw refusal('the assertion does not answer this request, or not here, or came too late');
  }
  const statements = childrenOf(assertion, namespaces.assertion, 'AuthnStatement');
  if (statements.length === 0) throw refusal('the assertion is about no sign-in');
  const nameId = child(subject, 'NameID');
  return {
    nameId: nameId?.text.trim() ?? '',
    nameIdFormat: nameId?.attributes.get('Format') ?? '',
    attributes: attributesOf(assertion),
    endsAt: endOf(statements, expectation.now),
  };
}

const child = (element: XmlElement | undefined, name: string) => onlyChild(element, namespaces.assertion, name);
const textIn = (element: XmlElement, name: string) => child(element, name)?.text.trim();

function checkConditions(conditions: XmlElement | undefined, { audience, now }: Expectation): void {
  if (!conditions) throw refusal('the assertion has no conditions');
  if (!isCurrent(conditions, now)) throw refusal('the assertion has expired, or is not valid yet');
  const restrictions = childrenOf(conditions, namespaces.assertion, 'AudienceRestriction');
  const isForUs = (restriction: XmlElement) =>
    childrenOf(restriction, namespaces.assertion, 'Audience').some(({ text }) => text.trim() === audience);
  if (restrictions.length === 0 || !restrictions.every(isForUs)) throw refusal('the assertion is for another audience');
}

/** Whoever brings it: he has to bring it here, in time, and for what we asked. */
function confirms(confirmation: XmlElement, { acs, requestId, now }: Expectation): boolean {
  const data = child(confirmation, 'SubjectConfirmationData');
  return (
    confirmation.attributes.get('Method') === bearer &&
    data !== undefined &&
    data.attributes.get('Recipient') === acs &&
    data.attributes.get('InResponseTo') === requestId &&
    data.attributes.has('NotOnOrAfter') &&
    isCurrent(data, now)
  );
}

function isCurrent({ attributes }: XmlElement, now: Date): boolean {
  const from = attributes.get('NotBefore');
  const until = attributes.get('NotOnOrAfter');
  return (
    (from === undefined || instant(from) <= now.getTime() + skewMs) &&
    (until === undefined || instant(until) > now.getTime() - skewMs)
  );
}

/** The first end of the sessions there. */
function endOf(statements: readonly XmlElement[], now: Date): number | undefined {
  const ends = statements.flatMap(({ attributes }) => attributes.get('SessionNotOnOrAfter') ?? []).map(instant);
  if (ends.length === 0) return undefined;
  const end = Math.min(...ends);
  if (end <= now.getTime()) throw refusal('the session at the provider is over');
  return end;
}

const dateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** SAML core 1.3.3: UTC; what names no zone would be read as our own. */
function instant(text: string): number {
  const time = dateTime.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw refusal('the assertion has a time that is none');
  return time;
}

function attributesOf(assertion: XmlElement): Map<string, string[]> {
  const attributes = new Map<string, string[]>();
  for (const statement of childrenOf(assertion, namespaces.assertion, 'AttributeStatement')) {
    for (const attribute of childrenOf(statement, namespaces.assertion, 'Attribute')) {
      const name = attribute.attributes.get('Name') ?? '';
      const values = childrenOf(attribute, namespaces.assertion, 'AttributeValue').map(textOf);
      attributes.set(name, [...(attributes.get(name) ?? []), ...values]);
    }
  }
  return attributes;
}

/** A value may be an element of its own, as a name id is in eduPersonTargetedID. */
const textOf = ({ text, children }: XmlElement): string => (children[0]?.text ?? text).trim();

export const refusal = (message: string): ProviderRefusal => new ProviderRefusal('server_error', message);
