// What SAML providers need before they are stored: metadata that can be used, and a key of ours. Loads what reads and signs
// when it is needed: most processes never do.
import type { App } from '../../kernel/call.ts';
import type { ProviderConfig } from '../../kernel/db/providerConfig.ts';
import { invalidField } from '../../kernel/errors.ts';
import { checkUrl } from './config.ts';
import { providerFetch } from './protocols/fetching.ts';
import { findProvider } from './repository.ts';

/** Bytes. */
const maximumMetadata = 500_000;

/** The document as a request brings it. PROVIDER_METADATA_INVALID: it is no text in UTF-8. */
export function sentMetadata(document: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(document);
  } catch {
    throw invalidField('PROVIDER_METADATA_INVALID', 'metadata_xml', { problem: 'they are not in UTF-8' });
  }
}

/** The document that stands there now. PROVIDER_URL_INVALID, PROVIDER_METADATA_INVALID: it cannot be fetched. */
export async function fetchMetadata(app: Pick<App, 'http' | 'log'>, url: string): Promise<string> {
  checkUrl(url, 'metadata_url');
  const refuse = (problem: string) => invalidField('PROVIDER_METADATA_INVALID', 'metadata_url', { problem });
  const answer = await providerFetch(app)(url, { method: 'GET' }).catch((error: unknown) => {
    app.log.info({ err: error }, 'metadata of an identity provider cannot be fetched');
    throw refuse('they cannot be fetched');
  });
  if (answer.status !== 200) throw refuse(`where they should be the answer is ${answer.status}`);
  const text = await answer.text();
  if (Buffer.byteLength(text) > maximumMetadata) throw refuse(`they have more than ${maximumMetadata} bytes`);
  return text;
}

/**
 * Refuses a SAML provider that nobody could sign in with: PROVIDER_METADATA_INVALID, which names `field`, and
 * PROVIDER_BINDING_UNSUPPORTED.
 */
export async function checkSaml(now: Date, config: ProviderConfig, field: string): Promise<void> {
  if (config.type !== 'saml') return;
  if (config.binding === 'artifact') throw invalidField('PROVIDER_BINDING_UNSUPPORTED', 'binding');
  const [{ readMetadata }, { UnreadableXml }] = await Promise.all([
    import('./protocols/samlMetadata.ts'),
    import('./protocols/samlXml.ts'),
  ]);
  const refuse = (problem: string) => invalidField('PROVIDER_METADATA_INVALID', field, { problem });
  try {
    const { signOn, validUntil } = readMetadata(config.metadataXml);
    if (config.binding !== 'any' && signOn[config.binding] === undefined) {
      throw refuse('they name no single sign-on service for the binding');
    }
    if (validUntil !== undefined && validUntil <= now.getTime()) throw refuse('they have expired');
  } catch (error) {
    throw error instanceof UnreadableXml ? refuse(error.message) : error;
  }
}

/** The secret of a new SAML provider: what requests to it are signed with, when they are. */
export async function newSigningKey({ settings }: Pick<App, 'settings'>, now: Date): Promise<string> {
  const { newKeyPair } = await import('./protocols/samlKey.ts');
  return JSON.stringify(await newKeyPair(new URL(settings.publicUrl).hostname, now));
}

/** What a SAML provider has to know of us, as XML; undefined where there is no such provider. */
export async function metadataFor(app: Pick<App, 'db' | 'keys' | 'settings'>, providerId: string): Promise<string | undefined> {
  const provider = await findProvider(app.db, providerId);
  if (provider?.config.type !== 'saml') return undefined;
  return (await import('./protocols/saml.ts')).ourMetadata(app, provider, provider.config);
}
