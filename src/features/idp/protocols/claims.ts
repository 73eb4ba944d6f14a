// What a provider says of a person as JSON: in a token, or as the answer to one.
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { emptyProfile, type Identity, type Profile, ProviderRefusal } from '../identity.ts';
import { isJsonObject, textIn } from './fetching.ts';

/** As JSON has it: without what is undefined. */
export function plain(value: object): JsonObject {
  const copy: unknown = JSON.parse(JSON.stringify(value));
  return isJsonObject(copy) ? copy : {};
}

function idIn(raw: JsonObject, attribute: string): string {
  const value: JsonValue | undefined = raw[attribute];
  const id = typeof value === 'number' ? String(value) : value;
  if (typeof id !== 'string' || id === '') {
    throw new ProviderRefusal('server_error', `the provider did not tell the account's id (${attribute})`);
  }
  return id;
}

/** Who it is, and what is known of him. */
export function personIn(raw: JsonObject, idAttribute: string): Pick<Identity, 'externalId' | 'userName' | 'profile' | 'raw'> {
  const externalId = idIn(raw, idAttribute);
  const profile = profileOf(raw);
  return { externalId, userName: profile.preferredUsername || profile.email || externalId, profile, raw };
}

/** By the names of OpenID Connect Core 5.1, and those of GitHub. */
function profileOf(raw: JsonObject): Profile {
  const displayName = textIn(raw, 'name');
  return {
    ...emptyProfile,
    givenName: textIn(raw, 'given_name'),
    familyName: textIn(raw, 'family_name'),
    displayName,
    nickName: textIn(raw, 'nickname'),
    preferredUsername: textIn(raw, 'preferred_username') || textIn(raw, 'login'),
    email: textIn(raw, 'email'),
    emailVerified: raw.email_verified === true,
    phone: textIn(raw, 'phone_number'),
    phoneVerified: raw.phone_number_verified === true,
    language: textIn(raw, 'locale'),
  };
}
