// What attributes say of a person, by the names under which providers usually send them.
import type { SamlConfig } from '../../../kernel/db/providerConfig.ts';
import { emptyProfile, type Identity, type Profile } from '../identity.ts';
import { type Asserted, refusal } from './samlAssertion.ts';

export const nameIdFormats: Record<SamlConfig['nameIdFormat'], string | null> = {
  any: null,
  email: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
  persistent: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  transient: 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient',
};

const claims = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims';

/** The first that has a value counts: the LDAP attributes (RFC 4519, 2798, 4524) by OID and by name, the claims of Microsoft. */
const names = {
  givenName: ['urn:oid:2.5.4.42', 'givenName', `${claims}/givenname`],
  familyName: ['urn:oid:2.5.4.4', 'sn', `${claims}/surname`],
  displayName: [
    'urn:oid:2.16.840.1.113730.3.1.241',
    'displayName',
    'http://schemas.microsoft.com/identity/claims/displayname',
    `${claims}/name`,
    'urn:oid:2.5.4.3',
    'cn',
  ],
  preferredUsername: [
    'urn:oid:0.9.2342.19200300.100.1.1',
    'uid',
    'urn:oid:1.3.6.1.4.1.5923.1.1.1.6',
    'eduPersonPrincipalName',
    `${claims}/upn`,
  ],
  email: ['urn:oid:0.9.2342.19200300.100.1.3', 'mail', 'email', `${claims}/emailaddress`],
  phone: ['urn:oid:2.5.4.20', 'telephoneNumber', `${claims}/mobilephone`],
  language: ['urn:oid:2.16.840.1.113730.3.1.39', 'preferredLanguage'],
} as const;

/** @throws ProviderRefusal for somebody whom nobody could recognise the next time. */
export function identityOf(asserted: Asserted, { transientMappingAttribute }: SamlConfig, assertion: string): Identity {
  const { nameId, nameIdFormat, attributes, endsAt } = asserted;
  const passing = nameIdFormat === nameIdFormats.transient;
  const externalId = passing ? (attributes.get(transientMappingAttribute)?.[0] ?? '') : nameId;
  if (externalId === '') {
    const missing = passing ? `attribute ${transientMappingAttribute}` : 'name id';
    throw refusal(`the provider did not tell the account's id (${missing})`);
  }
  const profile = profileOf(attributes);
  const email = profile.email || (nameIdFormat === nameIdFormats.email ? nameId : '');
  return {
    externalId,
    userName: profile.preferredUsername || email || externalId,
    profile: { ...profile, email },
    raw: { id: externalId, attributes: Object.fromEntries([...attributes].map(([name, values]) => [name, [...values]])) },
    access: { kind: 'saml', assertion },
    endsAt,
  };
}

function profileOf(attributes: Asserted['attributes']): Profile {
  const first = (among: readonly string[]) => among.map((name) => attributes.get(name)?.[0] ?? '').find(Boolean) ?? '';
  return {
    ...emptyProfile,
    givenName: first(names.givenName),
    familyName: first(names.familyName),
    displayName: first(names.displayName),
    preferredUsername: first(names.preferredUsername),
    email: first(names.email),
    phone: first(names.phone),
    language: first(names.language),
  };
}
