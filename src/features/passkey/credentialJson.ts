import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { invalidField } from '../../kernel/errors.ts';

/** An answer of an authenticator as browsers write it (WebAuthn Level 3, 5.1: RegistrationResponseJSON, AuthenticationResponseJSON). */
export interface CredentialJson {
  id: string;
  rawId: string;
  type: 'public-key';
  clientExtensionResults: Record<string, never>;
  response: Readonly<Record<string, string>>;
  transports: string[];
}

/** Characters of one binary value: far more than any authenticator sends, far less than could slow anybody down. */
const maximumValue = 64 * 1024;
const base64url = /^[\w-]*$/;
const maximumTransports = 10;

/** Reads the named binary values and what they come with; everything else in it is left out. WEBAUTHN_UNREADABLE. */
export function readCredential(json: JsonObject, values: readonly string[], field: string): CredentialJson {
  const refuse = (problem: string) => invalidField('WEBAUTHN_UNREADABLE', field, { problem });
  const binary = (name: string, value: JsonValue | undefined): string => {
    if (typeof value !== 'string') throw refuse(`${name} is missing`);
    if (value === '' || value.length > maximumValue || !base64url.test(value) || value.length % 4 === 1) {
      throw refuse(`${name} is not base64url`);
    }
    return value;
  };
  const { response, type } = json;
  const id = binary('id', json.id);
  if (binary('rawId', json.rawId) !== id) throw refuse('id and rawId differ');
  if (type !== 'public-key') throw refuse('type is not public-key');
  if (typeof response !== 'object' || response === null || Array.isArray(response)) throw refuse('response is missing');
  const read = Object.fromEntries(values.map((name) => [name, binary(`response.${name}`, response[name])]));
  return { id, rawId: id, type, clientExtensionResults: {}, response: read, transports: transportsIn(response.transports) };
}

/** They help a browser to find the authenticator again, and prove nothing: what is none is left out. */
function transportsIn(value: JsonValue | undefined): string[] {
  const found = Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
  return [...new Set(found.filter((item) => /^[a-z-]{1,32}$/.test(item)))].slice(0, maximumTransports);
}
