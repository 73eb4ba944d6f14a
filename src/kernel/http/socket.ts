import { lookup } from 'node:dns';
import { once } from 'node:events';
import { connect, isIP, type LookupFunction, type Socket } from 'node:net';
import { mayBeReached, mayBeSpokenTo } from './addresses.ts';
import { ForbiddenAddress, type Outgoing, onlyReachable } from './client.ts';

export interface Destination {
  /** A name or an address, IPv6 without brackets. */
  host: string;
  port: number;
  /** Whether nothing secret will leave before TLS has begun. */
  secure: boolean;
}

/**
 * A TCP connection for what is not HTTP, to where `HttpClient` may go as well: checked before the first packet, and once
 * more on the socket that came of it. ForbiddenAddress, what the system says, or the signal's reason. Its later errors are
 * seen by 'close'.
 *
 * @param resolve Finds the addresses of a name, as `dns.lookup` does.
 */
export async function connectSocket(
  { host, port, secure }: Destination,
  { allowed }: Outgoing,
  signal: AbortSignal,
  resolve: LookupFunction = lookup,
): Promise<Socket> {
  if (isIP(host) !== 0 && !mayBeReached(host, allowed)) throw new ForbiddenAddress('a forbidden address');
  const socket = connect({ host, port, lookup: onlyReachable(resolve, allowed) });
  socket.on('error', () => {});
  try {
    await once(socket, 'connect', { signal });
    if (mayBeSpokenTo(secure, socket.remoteAddress ?? '', allowed)) return socket;
    throw new ForbiddenAddress('an address that needs TLS, or a forbidden one');
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
