// A directory on this machine, by a library that shares nothing with ours: it lets people in, or does what a test wants.
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import ldapjs from 'ldapjs';
import { onTestFinished } from 'vitest';
import { tls } from './edge.ts';

type Value = string | Buffer;

export interface Person {
  dn: string;
  /** Without one nobody binds as this entry. */
  password?: string;
  attributes: Record<string, Value | Value[]>;
}

/** Where something goes wrong. */
export type Stage = 'bind' | 'search' | 'starttls';

export type Trouble = number | 'silence' | 'hang up' | undefined;

export interface LdapOptions {
  /** Default: none, and StartTLS for who asks. */
  security?: 'tls' | 'none';
  people?: Person[];
  /** A result code, or no answer at all; undefined lets it pass. */
  trouble?: (stage: Stage, dn: string) => Trouble | Promise<Trouble>;
  host?: string;
}

export interface Ldap {
  port: number;
  /** By its address, 127.0.0.1. */
  url: string;
  /** What was said in binds, in order. */
  binds: { dn: string; password: string; secure: boolean }[];
  /** How many searches came. */
  searches(): number;
  /** Resolves when nobody is connected. */
  left(): Promise<void>;
  stop(): Promise<void>;
}

/** The account that searches. */
export const manager = { dn: 'cn=manager, dc=example, dc=com', password: 'the password of the manager' };

const result = { sizeLimitExceeded: 4, noSuchObject: 32, invalidCredentials: 49 };
const startTls = '1.3.6.1.4.1.1466.20037';
const spelled = (dn: string) => dn.replace(/\s*,\s*/g, ',').toLowerCase();

/** Stops with the test. */
export async function startLdap({ people = [], trouble = () => undefined, ...options }: LdapOptions = {}): Promise<Ldap> {
  const { security = 'none', host = '127.0.0.1' } = options;
  const server = ldapjs.createServer(security === 'tls' ? { certificate: tls.cert, key: tls.key } : undefined);
  const binds: Ldap['binds'] = [];
  const open = new Set<Socket>();
  let searches = 0;
  server.on('error', () => {});
  server.on('clientError', () => {});
  server.server.on('connection', (socket) => {
    open.add(socket);
    socket.on('error', () => {}).on('close', () => open.delete(socket));
  });

  /** Goes on, or does what the test wants instead. */
  const at = async (stage: Stage, dn: string, { connection }: { connection: Socket }, answer: (code?: number) => void) => {
    const what = await trouble(stage, dn);
    if (what === 'hang up') connection.destroy();
    else if (what !== 'silence') answer(what);
  };

  server.bind('', (request, reply, next) => {
    const dn = request.name.toString();
    const password = request.credentials;
    binds.push({ dn, password, secure: request.connection instanceof TLSSocket });
    void at('bind', dn, request, (code) => {
      const known = [manager, ...people].find((person) => spelled(person.dn) === spelled(dn));
      reply.end(code ?? (known?.password === password ? 0 : result.invalidCredentials));
      next();
    });
  });

  server.search('', (request, reply, next) => {
    searches++;
    void at('search', '', request, (code) => {
      // The library would leave out names for their case.
      reply.attributes = [];
      const matching = people.filter(({ attributes }) => request.filter.matches(attributes));
      for (const { dn, attributes } of matching.slice(0, request.sizeLimit || undefined)) {
        const wanted = new Set(request.attributes.map((name) => name.toLowerCase()));
        const told = Object.entries(attributes).filter(([name]) => wanted.has(name.toLowerCase()));
        reply.send({ dn, attributes: Object.fromEntries(told) });
      }
      reply.end(code ?? (request.sizeLimit > 0 && matching.length > request.sizeLimit ? result.sizeLimitExceeded : 0));
      next();
    });
  });

  server.exop(startTls, (request, reply, next) => {
    void at('starttls', '', request, (code) => {
      const { connection } = request;
      reply.end(code ?? 0);
      if (code === undefined) {
        connection.removeAllListeners('data');
        server.newConnection(new TLSSocket(connection, { isServer: true, cert: tls.cert, key: tls.key }));
      }
      next();
    });
  });

  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const stop = async () => {
    for (const socket of open) socket.destroy();
    if (server.server.listening) await new Promise<void>((resolve) => server.close(resolve));
  };
  onTestFinished(stop);
  const { port } = addressOf(server.server);
  return {
    port,
    url: `${security === 'tls' ? 'ldaps' : 'ldap'}://${host}:${port}`,
    binds,
    searches: () => searches,
    left: async () => {
      for (const socket of open) if (!socket.closed) await once(socket, 'close');
    },
    stop,
  };
}

function addressOf(server: { address(): unknown }): { port: number } {
  const address = server.address();
  if (typeof address !== 'object' || address === null || !('port' in address) || typeof address.port !== 'number') {
    throw new Error('no port');
  }
  return { port: address.port };
}

/** A server that answers whatever comes with these bytes. Its URL; it stops with the test. */
export async function startBabbler(answer: (said: Buffer) => Buffer | 'end'): Promise<string> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {}).on('close', () => open.delete(socket));
    socket.on('data', (said) => {
      const bytes = answer(said);
      if (bytes === 'end') socket.end();
      else socket.write(bytes);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    for (const socket of open) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return `ldap://127.0.0.1:${addressOf(server).port}`;
}

/** An element of BER, its length in four bytes. */
export function element(tag: number, ...content: Buffer[]): Buffer {
  const head = Buffer.from([tag, 0x84, 0, 0, 0, 0]);
  head.writeUInt32BE(
    content.reduce((sum, { length }) => sum + length, 0),
    2,
  );
  return Buffer.concat([head, ...content]);
}
