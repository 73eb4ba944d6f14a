import { textKey } from '../../kernel/names.ts';

/** Characters of one label of a domain name (RFC 1035, 2.3.4). */
const maximumLabel = 63;

/** The name as a label of a domain: letters a-z, digits and hyphens; empty when none of them remain. */
export const labelOf = (name: string): string =>
  trimHyphens(
    textKey(name)
      .replace(/\p{M}+/gu, '')
      .replace(/[^a-z0-9]+/g, '-'),
  );

/** The n-th domain to try for an organization: the plain label first, then with a number behind. */
export function domainFor(label: string, n: number, host: string): string {
  const suffix = n === 1 ? '' : `-${n}`;
  return `${trimHyphens(label.slice(0, maximumLabel - suffix.length))}${suffix}.${host}`;
}

const trimHyphens = (text: string) => text.replace(/^-+|-+$/g, '');
