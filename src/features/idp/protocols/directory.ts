// A connection to a directory (LDAP, RFC 4511). ldapts writes the requests. What comes back is not left to it: a length that
// lies makes it loop for ever, and many small messages at once exhaust its stack, so that whoever runs a directory could stop
// the process.
import { once } from 'node:events';
import { isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { BindRequest, ExtendedRequest, type Filter, SearchRequest } from 'ldapts';
import type { App } from '../../../kernel/call.ts';
import { trusted } from '../../../kernel/http/certificates.ts';
import { connectSocket } from '../../../kernel/http/socket.ts';
import { type Element, elementsIn, expect, integerIn, Malformed, readElement } from './ber.ts';

/** The result codes that make a difference here (RFC 4511, 4.1.9). */
export const resultCode = { success: 0, sizeLimitExceeded: 4, busy: 51, unavailable: 52 } as const;

const tag = {
  integer: 0x02,
  octets: 0x04,
  enumerated: 0x0a,
  sequence: 0x30,
  set: 0x31,
  bindResponse: 0x61,
  searchEntry: 0x64,
  searchDone: 0x65,
  searchReference: 0x73,
  extendedResponse: 0x78,
} as const;

/** RFC 4511, 4.14. */
const startTlsOid = '1.3.6.1.4.1.1466.20037';
/** Of everything that answers one request: more is an error. */
const maximumBytes = 1024 * 1024;
/** Of an attribute; those after them are not looked at. */
const maximumValues = 100;

export interface DirectoryServer {
  /** ldap:// or ldaps:// */
  url: string;
  /** At an ldap:// server, TLS before anything is said. */
  startTls: boolean;
  /** PEM: who alone is trusted; empty: whom the process trusts. */
  rootCa: string;
  /** Milliseconds for the connection with its TLS, and for each answer. */
  timeoutMs: number;
}

export interface Entry {
  dn: string;
  /** By lower-case name. */
  attributes: ReadonlyMap<string, readonly Buffer[]>;
}

interface Answer {
  code: number;
  entries: Entry[];
}

export interface Search {
  baseDn: string;
  filter: Filter;
  attributes: string[];
  /** Entries wanted at most. */
  sizeLimit: number;
}

/** Takes one request at a time. Everything throws when the server is away, silent, or answers what LDAP does not know. */
export class Directory {
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  #messageId = 0;

  constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
  }

  /** A simple bind; the result code. One without a name or a password would succeed and prove nothing (RFC 4513, 5.1.2). */
  async bind(name: string, password: string): Promise<number> {
    if (name === '' || password === '') throw new Error('a bind needs a name and a password');
    const request = new BindRequest({ messageId: ++this.#messageId, dn: name, password });
    return (await this.#ask(request, tag.bindResponse)).code;
  }

  /** The whole tree below the base. References to other servers are not followed. */
  search({ baseDn, filter, attributes, sizeLimit }: Search): Promise<Answer> {
    const timeLimit = Math.ceil(this.#timeoutMs / 1000);
    const asked = { baseDN: baseDn, scope: 'sub', filter, attributes, sizeLimit, timeLimit } as const;
    return this.#ask(new SearchRequest({ messageId: ++this.#messageId, ...asked }), tag.searchDone);
  }

  /** Whether TLS may begin on the socket. */
  async startTls(): Promise<boolean> {
    const request = new ExtendedRequest({ messageId: ++this.#messageId, oid: startTlsOid });
    return (await this.#ask(request, tag.extendedResponse)).code === resultCode.success;
  }

  close(): void {
    this.#socket.destroy();
  }

  #ask(request: Request, answeredBy: number): Promise<Answer> {
    const socket = this.#socket;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const read = reader(request.messageId, answeredBy);
    const onData = (bytes: Buffer) => {
      try {
        const answer = read(bytes);
        if (answer) resolve(answer);
      } catch (error) {
        reject(error);
      }
    };
    const onClose = () => reject(new Error('the server closed the connection'));
    const timer = setTimeout(() => reject(new Error('the server did not answer in time')), this.#timeoutMs);
    socket.on('data', onData).on('close', onClose);
    socket.resume();
    if (socket.destroyed) onClose();
    else socket.write(request.write());
    return promise.finally(() => {
      clearTimeout(timer);
      socket.pause();
      socket.off('data', onData).off('close', onClose);
    });
  }
}

interface Request {
  messageId: number;
  write(): Buffer;
}

/**
 * Takes bytes as they come until the answer is whole. What comes behind it is malformed: nothing was asked yet, and before
 * TLS it might be a stranger's beginning of what is read after it.
 */
function reader(messageId: number, answeredBy: number): (bytes: Buffer) => Answer | undefined {
  let pending: Buffer = Buffer.alloc(0);
  let received = 0;
  const entries: Entry[] = [];
  return (bytes) => {
    received += bytes.length;
    if (received > maximumBytes) throw new Malformed('an answer of more bytes than are read');
    pending = Buffer.concat([pending, bytes]);
    for (let read = readElement(pending); read; read = readElement(pending)) {
      pending = read.rest;
      const message = elementsIn(read.element, tag.sequence);
      // Zero is a notice of disconnection (RFC 4511, 4.4.1).
      if (integerIn(message.next().value, tag.integer) !== messageId) throw new Malformed('an answer to something else');
      const operation = message.next().value;
      if (operation?.tag === tag.searchEntry) entries.push(entryOf(operation));
      else if (operation?.tag === answeredBy) return { code: codeOf(operation), entries: nothingBehind(pending, entries) };
      else if (operation?.tag !== tag.searchReference) throw new Malformed('an answer of another kind');
    }
    return undefined;
  };
}

function nothingBehind(rest: Buffer, entries: Entry[]): Entry[] {
  if (rest.length > 0) throw new Malformed('bytes behind the answer');
  return entries;
}

const codeOf = (result: Element): number => integerIn(elementsIn(result, result.tag).next().value, tag.enumerated);

function entryOf(operation: Element): Entry {
  const parts = elementsIn(operation, tag.searchEntry);
  const dn = expect(parts.next().value, tag.octets).toString();
  const list = parts.next().value;
  if (!list) throw new Malformed('an entry without attributes');
  const attributes = new Map<string, Buffer[]>();
  for (const attribute of elementsIn(list, tag.sequence)) {
    const [name, values] = elementsIn(attribute, tag.sequence);
    if (!values) throw new Malformed('an attribute without values');
    attributes.set(expect(name, tag.octets).toString().toLowerCase(), firstOf(values));
  }
  return { dn, attributes };
}

function firstOf(values: Element): Buffer[] {
  const kept: Buffer[] = [];
  for (const value of elementsIn(values, tag.set)) {
    if (kept.length === maximumValues) break;
    kept.push(expect(value, tag.octets));
  }
  return kept;
}

/** Connected, and under TLS where that is wanted: a server that refuses it is told nothing. */
export async function openDirectory({ http }: Pick<App, 'http'>, server: DirectoryServer): Promise<Directory> {
  const { protocol, hostname, port } = new URL(server.url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const tls = protocol === 'ldaps:';
  const secure = tls || server.startTls;
  const signal = AbortSignal.timeout(server.timeoutMs);
  const socket = await connectSocket({ host, port: Number(port) || (tls ? 636 : 389), secure }, http.outgoing, signal);
  const plain = new Directory(socket, server.timeoutMs);
  if (!secure) return plain;
  try {
    if (!tls && !(await plain.startTls())) throw new Error('the server refuses StartTLS');
    const ca = authorities(server.rootCa, http.outgoing.certificates);
    return new Directory(await encrypt(socket, host, { ...(ca !== undefined && { ca }) }, signal), server.timeoutMs);
  } catch (error) {
    plain.close();
    throw error;
  }
}

/** Undefined: those that Node trusts. */
function authorities(rootCa: string, certificates: string | undefined): string | string[] | undefined {
  if (rootCa.trim() !== '') return rootCa;
  return certificates === undefined ? undefined : trusted(certificates);
}

async function encrypt(
  socket: Socket,
  host: string,
  options: { ca?: string | string[] },
  signal: AbortSignal,
): Promise<TLSSocket> {
  // A server name is never an address (RFC 6066, 3); certificates may hold one.
  const encrypted = connectTls({ socket, host, ...(isIP(host) === 0 && { servername: host }), ...options });
  encrypted.on('error', () => {});
  await once(encrypted, 'secureConnect', { signal });
  return encrypted;
}
