import ipaddr from 'ipaddr.js';

/** Addresses that share so many first bits. */
export type Range = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** Where IPv6 is given out to the world (RFC 4291, IANA): what lies outside is no public address, whatever it is. */
const global: Range = [ipaddr.parse('2000::'), 3];

const within = (address: ipaddr.IPv4 | ipaddr.IPv6, range: Range) => address.kind() === range[0].kind() && address.match(range);

/** Whether the address belongs to somebody on the internet: not to this machine, a private network, a tunnel or nobody. */
function isPublic(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return address.range() === 'unicast' && (address.kind() === 'ipv4' || within(address, global));
}

const isAllowed = (text: string, allowed: readonly Range[]): boolean =>
  ipaddr.isValid(text) && allowed.some((range) => within(ipaddr.parse(text), range));

/** @param text An address as sockets name it. What is none may not be reached. */
export const mayBeReached = (text: string, allowed: readonly Range[]): boolean =>
  ipaddr.isValid(text) && (isPublic(ipaddr.parse(text)) || isAllowed(text, allowed));

/** Without TLS only to what the configuration allows: what leaves holds codes and passwords. */
export const mayBeSpokenTo = (secure: boolean, text: string, allowed: readonly Range[]): boolean =>
  secure ? mayBeReached(text, allowed) : isAllowed(text, allowed);
