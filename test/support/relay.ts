// A port in front of another one, such as Postgres', that stays the same while what is behind it comes and goes.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Relay {
  port: number;
  /** Where connections lead from now on. */
  to(port: number): void;
  /** Ends every connection, and takes no more until it is opened again. */
  shut(): Promise<void>;
  open(): Promise<void>;
}

/** Leads nowhere yet. */
export async function startRelay(whenDone: (stop: () => Promise<void>) => void = onTestFinished): Promise<Relay> {
  let target = 0;
  let port = 0;
  const sockets = new Set<Socket>();
  const server = createServer((front) => {
    const back = connect(target, '127.0.0.1');
    for (const socket of [front, back]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        front.destroy();
        back.destroy();
        sockets.delete(socket);
      });
    }
    front.pipe(back).pipe(front);
  });
  const open = async () => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    port = typeof address === 'object' && address ? address.port : 0;
  };
  const shut = async () => {
    if (!server.listening) return;
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, 'close');
  };
  await open();
  whenDone(shut);
  return {
    port,
    to: (next) => {
      target = next;
    },
    shut,
    open,
  };
}
