// What tests need of a library that brings no types.
declare module 'ldapjs' {
  import type { Server as NetServer, Socket } from 'node:net';

  interface Request {
    connection: Socket;
  }
  interface BindRequest extends Request {
    name: { toString(): string };
    credentials: string;
  }
  interface SearchRequest extends Request {
    filter: { matches(entry: object): boolean };
    sizeLimit: number;
    attributes: string[];
  }
  interface Result {
    end(status?: number): void;
  }
  interface SearchResult extends Result {
    attributes: string[];
    send(entry: object): void;
  }
  type Handler<Q, S> = (request: Q, result: S, next: () => void) => void;

  interface LdapServer {
    server: NetServer;
    bind(name: string, handler: Handler<BindRequest, Result>): void;
    search(name: string, handler: Handler<SearchRequest, SearchResult>): void;
    exop(oid: string, handler: Handler<Request, Result>): void;
    newConnection(socket: Socket): void;
    on(event: 'error' | 'clientError', listener: (error: Error) => void): void;
    listen(port: number, host: string, listening: () => void): void;
    close(closed: () => void): void;
  }

  const ldapjs: { createServer(options?: { certificate: Buffer; key: Buffer }): LdapServer };

  // biome-ignore lint/style/noDefaultExport: it has no other.
  export default ldapjs;
}
