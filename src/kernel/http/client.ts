// The only way in which the process calls other servers over HTTP. Owns where it may go: to public addresses and to those that
// the configuration allows, whatever a name resolves to. It follows no redirect and knows neither proxies nor cookies.
import { lookup } from 'node:dns';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP, type LookupFunction } from 'node:net';
import type { Agent, buildConnector } from 'undici';
import { mayBeReached, mayBeSpokenTo, type Range } from './addresses.ts';
import { trusted } from './certificates.ts';

/** What holds for everything that leaves. */
export interface Outgoing {
  /** Bytes of an answer; more is an error. */
  maximumBytes?: number;
  /** Addresses that may be reached although they are not public, and without TLS. */
  allowed: readonly Range[];
  /** Certificates (PEM) to trust beside those that Node trusts. */
  certificates: string | undefined;
}

export interface HttpRequest {
  method: 'POST' | 'HEAD' | 'GET';
  /** http: or https:. It must never come from what a caller sent. */
  url: string;
  headers?: Readonly<Record<string, string>>;
  body?: string;
  /** Ends the call, however far it has come. */
  signal: AbortSignal;
}

export interface HttpResponse {
  status: number;
  /** By lower-case name. */
  headers: IncomingHttpHeaders;
  body: string;
}

/** The call was not made: the address that it would have gone to may not be reached. */
export class ForbiddenAddress extends Error {
  override name = 'ForbiddenAddress';
}

/** Why a call has no answer, for operators, to follow the other side's name. */
export function whyUnanswered(error: unknown): string {
  if (error instanceof ForbiddenAddress) return `stands at ${error.message}`;
  if (!(error instanceof Error)) return 'does not answer (unknown)';
  return `does not answer (${'code' in error && typeof error.code === 'string' ? error.code : error.name})`;
}

const connectMs = 10_000;
/** Until the head of the answer is there, and then between two pieces of it. */
const answerMs = 30_000;
/** Of an answer, unless told otherwise; more is an error. */
const maximumBytes = 64 * 1024;

/** Calls other servers; connections are kept for a moment. */
export class HttpClient {
  /** Where it may go; what speaks something else than HTTP goes no further (see socket.ts). */
  readonly outgoing: Outgoing;
  readonly #open: () => Promise<Agent>;
  #agent: Promise<Agent> | undefined;

  /** @param resolve Finds the addresses of a name, as `dns.lookup` does. */
  constructor(outgoing: Outgoing, resolve: LookupFunction = lookup) {
    this.outgoing = outgoing;
    this.#open = () => openAgent(outgoing, resolve);
  }

  /** Sends the request once and returns whatever the server answers, redirects too. */
  async send({ url, method, headers = {}, body, signal }: HttpRequest): Promise<HttpResponse> {
    const { origin, pathname, search } = new URL(url);
    this.#agent ??= this.#open();
    const agent = await this.#agent;
    const path = `${pathname}${search}`;
    const response = await agent.request({
      origin,
      path,
      method,
      headers: { ...headers },
      signal,
      ...(body !== undefined && { body }),
    });
    return { status: response.statusCode, headers: response.headers, body: await response.body.text() };
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    await (await this.#agent)?.destroy();
  }
}

/** The library is loaded with the first call: most processes make none, and it is a third of what they weigh. */
async function openAgent(
  { allowed, certificates, maximumBytes: most = maximumBytes }: Outgoing,
  resolve: LookupFunction,
): Promise<Agent> {
  const { Agent, buildConnector } = await import('undici');
  const connect = buildConnector({
    timeout: connectMs,
    allowH2: false,
    lookup: onlyReachable(resolve, allowed),
    ...(certificates !== undefined && { ca: trusted(certificates) }),
  });
  return new Agent({
    connect: guarded(connect, allowed),
    headersTimeout: answerMs,
    bodyTimeout: answerMs,
    maxResponseSize: most,
  });
}

/** Connects only to what may be reached: checked before the first packet, and once more on the socket that came of it. */
const guarded =
  (connect: buildConnector.connector, allowed: readonly Range[]): buildConnector.connector =>
  (options, callback) => {
    const host = options.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && !mayBeReached(host, allowed)) return callback(new ForbiddenAddress('a forbidden address'), null);
    connect(options, (...[error, socket]) => {
      if (error) return callback(error, null);
      const address = socket.remoteAddress ?? '';
      if (mayBeSpokenTo(options.protocol === 'https:', address, allowed)) return callback(null, socket);
      socket.destroy();
      const reason = mayBeReached(address, allowed) ? 'an address that needs https' : 'a forbidden address';
      callback(new ForbiddenAddress(reason), null);
    });
  };

/** A resolver that keeps to itself what may not be reached: whoever connects has nothing else to connect to. */
export const onlyReachable =
  (resolve: LookupFunction, allowed: readonly Range[]): LookupFunction =>
  (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, []);
      const addresses = (Array.isArray(found) ? found : []).filter(({ address }) => mayBeReached(address, allowed));
      const [first] = addresses;
      if (!first) return callback(new ForbiddenAddress('a name with forbidden addresses only'), []);
      if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
