// Which domain a credential is bound to, and which pages may use it (WebAuthn Level 3, sections 5.1.2 and 5.11).
import { isIP } from 'node:net';
import type { App } from '../../kernel/call.ts';
import { invalidField } from '../../kernel/errors.ts';

const localhost = 'localhost';
/** RFC 1035, 2.3.4, as text without the dot at its end. */
const maximumLength = 253;
const label = /^(?!-)[a-z\d-]{1,63}(?<!-)$/;

/**
 * The relying party id that a request asks for: its domain, else the public URL's host. RELYING_PARTY_INVALID for what no
 * browser would take: a port, a path, an address, a suffix under which anybody can register (publicsuffix.org), a domain
 * that the configuration does not list, or one that is not written as browsers write it.
 */
export async function relyingPartyOf({ settings }: Pick<App, 'settings'>, domain: string): Promise<string> {
  const id = domain === '' ? new URL(settings.publicUrl).hostname : domain;
  const refuse = (problem: string) => invalidField('RELYING_PARTY_INVALID', 'domain', { problem });
  if (settings.passkeyDomains) {
    if (!settings.passkeyDomains.includes(id)) throw refuse('it is not among those allowed (ROSTER_PASSKEY_DOMAINS)');
    return id;
  }
  if (id === localhost) return id;
  const labels = id.split('.');
  if (isIP(id.replace(/^\[|\]$/g, '')) !== 0) throw refuse('it is an address');
  if (
    id.length > maximumLength ||
    labels.length < 2 ||
    !labels.every((part) => label.test(part)) ||
    /^\d+$/.test(labels.at(-1) ?? '')
  ) {
    throw refuse('write a domain as browsers do, in lower-case ASCII, without scheme, port and path');
  }
  const { getPublicSuffix } = await import('tldts');
  if (getPublicSuffix(id, { allowPrivateDomains: true }) === id) throw refuse('anybody can register under it');
  return id;
}

/** Whether a page of this origin may use credentials of the relying party. */
export function belongs({ settings }: Pick<App, 'settings'>, origin: string, rpId: string): boolean {
  if (settings.passkeyOrigins.includes(origin)) return true;
  if (!URL.canParse(origin)) return false;
  const { protocol, hostname, origin: exact } = new URL(origin);
  if (exact !== origin) return false;
  if (hostname !== rpId && !hostname.endsWith(`.${rpId}`)) return false;
  return protocol === 'https:' || (protocol === 'http:' && rpId === localhost);
}
