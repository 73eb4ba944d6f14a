import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Address } from '../config/parse.ts';

/** Connections that wait while no worker serves; more are turned away. */
const places = 1024;

/**
 * The port of the workers. Each connection goes to the next of them, unread: what comes on it is the worker's. It stays open
 * while workers come and go, and is closed before they are told to stop, so that no connection is given to one that takes none.
 */
export class Front {
  readonly #server: Server = createServer({ pauseOnConnect: true }, (socket) => this.#take(socket));
  readonly #waiting: Socket[] = [];
  #serving: ChildProcess[] = [];

  /** Rejects with the system's error, as server/listen.ts does. */
  async listen({ host, port }: Address): Promise<void> {
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    // From here on an error is one connection that could not be accepted.
    this.#server.on('error', () => {});
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the port is not open');
    return address.port;
  }

  serve(worker: ChildProcess): void {
    this.#serving.push(worker);
    for (const socket of this.#waiting.splice(0)) this.#take(socket);
  }

  leave(worker: ChildProcess): void {
    this.#serving = this.#serving.filter((other) => other !== worker);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#waiting.splice(0)) socket.destroy();
  }

  #take(socket: Socket): void {
    const worker = this.#serving.shift();
    if (!worker) {
      if (this.#waiting.length < places) this.#waiting.push(socket);
      else socket.destroy();
      return;
    }
    this.#serving.push(worker);
    worker.send({ kind: 'connection' }, socket, {}, (error) => {
      if (!error) return;
      // It is about to end.
      this.leave(worker);
      this.#take(socket);
    });
  }
}
