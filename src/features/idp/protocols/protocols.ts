// One file for each protocol, loaded with the first sign-in that speaks it; here is told which one a provider speaks.
import type { App, Call } from '../../../kernel/call.ts';
import { failure } from '../../../kernel/errors.ts';
import { type Begun, type Identity, ProviderRefusal } from '../identity.ts';
import type { ProviderRow } from '../repository.ts';

export interface Beginning {
  /** Of the intent; comes back as `state` or its like. */
  id: string;
  loginHint: string;
}

/** What a browser brings back: of a redirect its query, of a form its fields. */
export interface ProviderAnswer {
  parameters: URLSearchParams;
  /** Of the request, by lower-case name. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface Ending {
  id: string;
  expected: Begun['expected'];
  answer: ProviderAnswer;
}

export async function beginAt(app: App, provider: ProviderRow, beginning: Beginning): Promise<Begun> {
  const { config } = provider;
  switch (config.type) {
    case 'oidc':
    case 'oauth':
    case 'google':
    case 'github':
      return (await import('./oauth.ts')).beginOauth(app, provider, config, beginning);
    case 'saml':
      return (await import('./saml.ts')).beginSaml(app, provider, config, beginning);
    case 'jwt':
      return (await import('./jwt.ts')).beginJwt(config, beginning);
    case 'ldap':
      throw failure('NOT_IMPLEMENTED');
  }
}

export async function finishAt(app: App, provider: ProviderRow, ending: Ending): Promise<Identity> {
  const { config } = provider;
  switch (config.type) {
    case 'oidc':
    case 'oauth':
    case 'google':
    case 'github':
      return (await import('./oauth.ts')).finishOauth(app, provider, config, ending);
    case 'saml':
      return (await import('./saml.ts')).finishSaml(app, provider, config, ending);
    case 'jwt':
      return (await import('./jwt.ts')).finishJwt(app, config, ending);
    case 'ldap':
      throw new ProviderRefusal('server_error', 'this provider sends nobody back');
  }
}

export interface Credentials {
  userName: string;
  password: string;
}

/** Only directories take a password from us. PROVIDER_NOT_DIRECTORY, TRIED_TOO_OFTEN. */
export async function signInAt(call: Call, provider: ProviderRow, credentials: Credentials): Promise<Identity> {
  const { config } = provider;
  if (config.type !== 'ldap') throw failure('PROVIDER_NOT_DIRECTORY');
  return (await import('./ldap.ts')).signInLdap(call, provider, config, credentials);
}
