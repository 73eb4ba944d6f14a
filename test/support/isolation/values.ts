// What the definitions do not tell: values that are more than any text, and what an id field names.
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { Secret, TOTP } from 'otpauth';
import { Authenticator } from '../authenticator.ts';
import { rsaPublicKey } from '../rsa.ts';
import { epoch } from '../server.ts';

/** The password of every person in the world of the matrix. */
export const password = 'Passw0rd!';

/** The live code of every person there, for each purpose. */
export const code = 'KN0WN1';

/** The TOTP secret of every person there; whoever is not `ready` has not verified it yet. */
export const totpSecret = 'JBSWY3DPEHPK3PXP';
const totpCode = new TOTP({ secret: Secret.fromBase32(totpSecret) }).generate({ timestamp: epoch.getTime() });

/** Where all passkeys there are for. */
export const rpId = 'roster.example.com';

/** The challenge of the registrations that wait for an answer there, and the answer. */
export const challenge = Buffer.alloc(32, 1);
export const answer = new Authenticator(Buffer.alloc(32, 2)).register(
  { publicKey: { challenge: challenge.toString('base64url'), rp: { id: rpId } } },
  `https://${rpId}`,
);

/** What the person of stage `ready` signs in with, in that session of his which asked for it. */
export const oneTimeCode = '12345678';
export const recoveryCode = 'kn0wn-c0de0';
export const assertionChallenge = Buffer.alloc(32, 4);
export const signer = new Authenticator(Buffer.alloc(32, 5));
const assertion = signer.assert(assertionChallenge, rpId, `https://${rpId}`, { counter: 1 });

/** The token of a session there. */
export const sessionTokenOf = (id: string): string => `roster_session_${id}`;

/** The key of the one metadata entry that every user has. */
export const metadataKey = 'data';

/** The token of the sign-in at a provider that is there. */
export const intentToken = 'the-token-of-the-sign-in';

const certificate = [
  'MIIDGTCCAgGgAwIBAgIUbFcCjIljEGhfGcZOx3mz9KDhmn8wDQYJKoZIhvcNAQELBQAwGzEZMBcGA1UEAwwQc2FtbC5leGFtcGxlLm9yZzAgFw',
  '0yNjExMjIxMTQ3MjVaGA8yMTI2MTAyOTExNDcyNVowGzEZMBcGA1UEAwwQc2FtbC5leGFtcGxlLm9yZzCCASIwDQYJKoZIhvcNAQEBBQADggEP',
  'ADCCAQoCggEBAKJNIgrbn/V5KpO94CDI2XPG/WAtkG14kE5xI+gCNjZSioUWSe6kRisjpt7qU7IWaeD0NN9ui6icG+87od+Sl02AP5JfcP/87B',
  'xvnnY5qZOimoVHm5pVg/lPLhUXSdNX3MJf/exVPiFBl7ALJqD9UbLJRK/+F6dJgpTJ1nBRUqP7OcbUYB+ltpiqAWABP+XreuBs1bllcldlxS1i',
  'aK6sp+AZXLismY5UiwRg8NtPzk5TZ09Jtr9fmBar9MOKyOFvMAQHyI6WpVSR8H7NRnKvW49mkcDQcPxUNUKqydyCeJgZNn/vwmYPREHquINm+J',
  'AdyNWQlm22pUyZWENxWaNHmA8CAwEAAaNTMFEwHQYDVR0OBBYEFD3j82zGDOfHncOe30MAGs1WHL3EMB8GA1UdIwQYMBaAFD3j82zGDOfHncOe',
  '30MAGs1WHL3EMA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADggEBAA/Q2rngMrhv4RAgrnZHlL9Eqjs8HSFep50JwQJS9C0VTtMLSk',
  'wdldCG5KP0lySLJwp8pV4yMcuwKpcClF8Fv68/ymnUcVEwpHNzaz3vbOkgPzbRHK+odDL1WXCDRA+gBuz407GnORGdG4fK7X8ktxi/uqc/tRH7',
  'nEdlQR5wFOtF+t8ky73EGMIb6XoElNfLNCNqdUcmrn0lUIB8BJrDtW8mLBXBFy/n7d4217Ta5iFnjskB+Yx74/I2WBPet+neblBhqGcpsx/Je+',
  'Lqw0CJ5P39WOJ5cnuCi/YnJGW/wzSxKC7vaSugtEfh2Cj0PNqRCtbZ9w/tyi7BqJoVgQ9WQ48=',
].join('');
/** Of a SAML provider. */
const metadata = `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://b.example"><IDPSSODescriptor
  protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing"><KeyInfo
  xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>${certificate}</X509Certificate></X509Data></KeyInfo>
  </KeyDescriptor><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
  Location="https://b.example/sso"/><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
  Location="https://b.example/sso"/></IDPSSODescriptor></EntityDescriptor>`;

/** By field; with the message before it where the field means several things. */
export const known: Readonly<Record<string, JsonValue>> = {
  email: 'fresh@example.net',
  phone: '+41791234567',
  number: '4',
  password: 'An0ther!One',
  current_password: password,
  verification_code: code,
  'zitadel.user.v2.PasskeyRegistrationCode.code': code,
  'zitadel.user.v2.VerifyTOTPRegistrationRequest.code': totpCode,
  'zitadel.session.v2.CheckPassword.password': password,
  'zitadel.session.v2.CheckTOTP.code': totpCode,
  'zitadel.session.v2.CheckOTP.code': oneTimeCode,
  'zitadel.session.v2.CheckRecoveryCode.code': recoveryCode,
  'zitadel.session.v2.RequestChallenges.WebAuthN.domain': rpId,
  credential_assertion_data: assertion,
  lifetime: '3600s',
  ip: '192.0.2.1',
  public_key: btoa(rsaPublicKey()),
  public_key_credential: answer,
  domain: 'localhost',
  count: 1,
  hash: '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy',
  'zitadel.management.v1.ImportHumanUserRequest.HashedPassword.value':
    '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy',
  initial_password: 'An0ther!One',
  totp_secret: 'JBSWY3DPEHPK3PXP',
  url_template: 'https://roster.example.com/{{.UserID}}/{{.Code}}',
  preferred_language: 'de',
  user_emails: 'fresh@example.net',
  keys: metadataKey,
  roles: 'ORG_OWNER_VIEWER',
  success_url: 'https://roster.example.com/ui/',
  failure_url: 'https://roster.example.com/ui/',
  idp_intent_token: intentToken,
  issuer: 'https://b.example',
  authorization_endpoint: 'https://b.example',
  token_endpoint: 'https://b.example',
  user_endpoint: 'https://b.example',
  jwt_endpoint: 'https://b.example',
  keys_endpoint: 'https://b.example',
  servers: 'ldaps://b.example',
  root_ca: '',
  timeout: '5s',
  metadata_xml: btoa(metadata),
  metadata_url: 'https://127.0.0.1/metadata',
  'zitadel.admin.v1.AddIAMMemberRequest.roles': 'IAM_USER_MANAGER',
  'zitadel.admin.v1.UpdateIAMMemberRequest.roles': 'IAM_USER_MANAGER',
};

const containsIgnoringCase = 5;
export const knownEnums: Readonly<Record<string, number>> = {
  TextQueryMethod: containsIgnoringCase,
  TextFilterMethod: containsIgnoringCase,
};

/** What a message needs although its rules do not say so. The smallest form of it goes without. */
export const unsaid: Readonly<Record<string, JsonObject>> = {
  'zitadel.user.v2.UpdateUserRequest': { human: {} },
  'zitadel.user.v2.SetPassword': { password: { password: 'An0ther!One' } },
  'zitadel.user.v2.SetPasswordRequest': { newPassword: { password: 'An0ther!One' } },
  'zitadel.user.v2.SetHumanPhone': { phone: '+41791234567' },
  // What is checked, or asked for, is somebody's.
  'zitadel.session.v2.Checks': { user: { userId: '' } },
  'zitadel.session.v2.CreateSessionRequest': { checks: { user: { userId: '' } } },
  'zitadel.session.v2.CreatorQuery': { id: '' },
};

/** For messages that can stand in themselves: the one that ends the nesting. */
export const insideItself: Readonly<Record<string, JsonObject>> = {
  'zitadel.user.v2.SearchQuery': { inUserIdsQuery: { userIds: [''] } },
};

export type Kind = 'provider' | 'link' | 'user' | 'organization' | 'domain' | Part;
/** What hangs on one user. */
export type Part = (typeof parts)[number];
export const parts = ['token', 'key', 'passkey', 'u2f', 'session', 'sessionToken', 'loginName'] as const;

/** Somebody who has nothing of it. */
export const noParts: Readonly<Record<Part, string>> = {
  token: '',
  key: '',
  passkey: '',
  u2f: '',
  session: '',
  sessionToken: '',
  loginName: '',
};

/** What an id names, by the words before "id". */
export const kinds: Readonly<Record<string, Kind>> = {
  user: 'user',
  users: 'user',
  org: 'organization',
  organization: 'organization',
  org_domain: 'domain',
  token: 'token',
  key: 'key',
  passkey: 'passkey',
  u2f: 'u2f',
  session: 'session',
  linked_user: 'link',
};

/** Ids whose names do not say what of, and what names somebody, or proves to be his, and is not called an id. */
export const otherIds: Readonly<Record<string, Kind>> = {
  'zitadel.management.v1.RemoveHumanAuthFactorU2FRequest.token_id': 'u2f',
  'zitadel.management.v1.RemoveHumanPasswordlessRequest.token_id': 'passkey',
  'zitadel.session.v2.IDsQuery.ids': 'session',
  'zitadel.session.v2.CreatorQuery.id': 'user',
  'zitadel.session.v2.CheckUser.login_name': 'loginName',
  'zitadel.session.v2.GetSessionRequest.session_token': 'sessionToken',
  'zitadel.session.v2.SetSessionRequest.session_token': 'sessionToken',
  'zitadel.session.v2.DeleteSessionRequest.session_token': 'sessionToken',
};

/** Ids that the request gives to something new. */
export const newIds: ReadonlySet<string> = new Set([
  'zitadel.user.v2.CreateUserRequest.user_id',
  'zitadel.user.v2.AddHumanUserRequest.user_id',
  'zitadel.management.v1.AddMachineUserRequest.user_id',
  'zitadel.org.v2.AddOrganizationRequest.org_id',
]);

/** Ids of other systems. */
export const foreignIds: ReadonlySet<string> = new Set([
  'zitadel.user.v2.IDPLink.user_id',
  'zitadel.management.v1.ImportHumanUserRequest.IDP.external_user_id',
  'zitadel.user.v2.PasskeyRegistrationCode.id',
  'zitadel.session.v2.CheckIDPIntent.idp_intent_id',
  'zitadel.user.v2.RetrieveIdentityProviderIntentRequest.idp_intent_id',
  'zitadel.session.v2.UserAgent.fingerprint_id',
  'zitadel.session.v2.UserAgentQuery.fingerprint_id',
]);

/** In place of such an id. The codes of registration links in the world are made with it. */
export const foreignId = 'elsewhere';
