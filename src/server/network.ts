import { isIP } from 'node:net';
import { createContextKey } from '@connectrpc/connect';
import ipaddr from 'ipaddr.js';
import type { Config } from '../config.ts';

/** What of a request tells where it comes from, over HTTP/1.1 and HTTP/2. */
interface Arrival {
  socket: { remoteAddress?: string | undefined };
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** The network that a request comes from, in one spelling: what limits count by. */
export type NetworkOf = (request: Arrival) => string;

/** What of a request's head is needed to make its call, without a copy of all its fields. */
interface Head {
  network: string;
  authorization: string | undefined;
}

/** Carries it to where the call is made. */
export const headKey = createContextKey<Head | undefined>(undefined, { description: 'the head of the request' });

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Of a connection that is gone already. All of these share one count. */
const unknown = 'unknown';

/**
 * An IPv4 address by itself, an IPv6 address by its network: whoever has one has all of it (RFC 6177), and would have a
 * count for each. `X-Forwarded-For` is believed as far as trusted proxies wrote it: its right-most entry that is none of
 * theirs is the caller. An entry that cannot be read stands for the proxy that sent it.
 */
export const networksBehind = ({
  trustedProxies,
  networkPrefix,
}: Pick<Config, 'trustedProxies' | 'networkPrefix'>): NetworkOf => {
  const isTrusted = (address: Address) => ipaddr.subnetMatch(address, { trusted: trustedProxies }, 'other') === 'trusted';
  const networkBehind = (peer: string, forwarded: string) => {
    let address = addressOf(peer);
    const hops = forwarded.split(',');
    while (address && isTrusted(address)) {
      const hop = addressOf(hops.pop() ?? '');
      if (!hop) break;
      address = hop;
    }
    return address ? keyOf(address, networkPrefix) : unknown;
  };
  /** Of connections, for their requests that nobody says to have forwarded. */
  const direct = new WeakMap<object, string>();
  return ({ socket, headers }) => {
    const forwarded = headers['x-forwarded-for'];
    const known = forwarded === undefined ? direct.get(socket) : undefined;
    if (known !== undefined) return known;
    const network = networkBehind(socket.remoteAddress ?? '', [forwarded ?? []].flat().join(','));
    if (forwarded === undefined) direct.set(socket, network);
    return network;
  };
};

/** Without port and zone, an IPv4-mapped one as IPv4; undefined when it is none. */
function addressOf(text: string): Address | undefined {
  const [, bracketed, dotted, bare = ''] = /^(?:\[([^\]]*)\](?::\d+)?|([\d.]+):\d+|(.*))$/.exec(text.trim()) ?? [];
  const address = (bracketed ?? dotted ?? bare).replace(/%.*$/, '');
  return isIP(address) ? ipaddr.process(address) : undefined;
}

const keyOf = (address: Address, prefix: number): string =>
  address.kind() === 'ipv4' ? address.toString() : `${ipaddr.IPv6.networkAddressFromCIDR(`${address}/${prefix}`)}/${prefix}`;
