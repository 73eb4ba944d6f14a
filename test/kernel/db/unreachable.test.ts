import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { drizzle } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { answerInTime, connectionProblem } from '../../../src/kernel/db/unreachable.ts';

const password = 'very-secret-password';

/** The server's URL with parts of it replaced. */
function serverUrl(change: (url: URL) => void = () => {}): string {
  const url = new URL(inject('serverUrl'));
  change(url);
  return url.href;
}

/** What went wrong with a first statement. */
async function failure(url: string): Promise<unknown> {
  const sql = postgres(url, { max: 1, connect_timeout: 1, onnotice: () => {} });
  onTestFinished(() => sql.end({ timeout: 0 }));
  return sql`select 1`.then(
    () => expect.fail('it was expected to fail'),
    (error: unknown) => error,
  );
}

async function problemAt(url: string): Promise<string> {
  const problem = connectionProblem(await failure(url), url);
  const { password } = new URL(url);
  expect(problem).toBeTypeOf('string');
  expect(problem).not.toContain(password);
  return problem ?? '';
}

/** A server that is no Postgres. */
async function strangerUrl(accept: (socket: Socket) => void, query = ''): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    accept(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `postgres://somebody:${password}@127.0.0.1:${portOf(server.address())}/accounts${query}`;
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('a TCP address was expected');
  return address.port;
}

describe('Postgres refuses', () => {
  test('a wrong password', async () => {
    const problem = await problemAt(serverUrl((url) => (url.password = password)));
    expect(problem).toMatch(/^127\.0\.0\.1:\d+ refuses the password of the user roster\. Correct it in DATABASE_URL\.$/);
  });

  test('a user that pg_hba.conf does not know', async () => {
    const problem = await problemAt(serverUrl((url) => (url.username = 'stranger')));
    expect(problem).toContain('refuses the connection: no pg_hba.conf entry for host "127.0.0.1", user "stranger"');
  });

  test('a database that does not exist', async () => {
    const problem = await problemAt(serverUrl((url) => (url.pathname = '/nowhere')));
    expect(problem).toContain('There is no database nowhere at 127.0.0.1');
  });

  test('more connections than it has', async () => {
    const name = `full_${randomBytes(6).toString('hex')}`;
    const admin = postgres(inject('serverUrl'), { max: 1 });
    await admin.unsafe(`create database ${name} connection limit 0`);
    onTestFinished(async () => {
      await admin.unsafe(`drop database ${name}`);
      await admin.end();
    });
    expect(await problemAt(serverUrl((url) => (url.pathname = `/${name}`)))).toContain('Lower ROSTER_DATABASE_POOL');
  });

  test('encryption, where DATABASE_URL asks for it', async () => {
    expect(await problemAt(serverUrl((url) => (url.search = '?sslmode=require')))).toContain('sslmode');
  });
});

describe('nobody answers', () => {
  test('as nothing listens', async () => {
    const url = await strangerUrl(() => {});
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const port = portOf(free.address());
    free.close();
    await once(free, 'close');
    const problem = await problemAt(url.replace(/:\d+\//, `:${port}/`));
    expect(problem).toBe(`Nothing listens at 127.0.0.1:${port}. Start Postgres there, or correct host and port in DATABASE_URL.`);
  });

  test('as the host does not exist', async () => {
    const url = `postgres://somebody:${password}@nowhere.invalid/accounts`;
    expect(await problemAt(url)).toMatch(/host nowhere\.invalid/);
  });

  test('as the server keeps silent', async () => {
    expect(await problemAt(await strangerUrl(() => {}))).toContain('does not answer. Check host and port');
  });

  test('as the server breaks off', async () => {
    expect(await problemAt(await strangerUrl((socket) => socket.resetAndDestroy()))).toContain('closed the connection');
  });

  test('as the server hangs up on every attempt', async () => {
    const url = await strangerUrl((socket) => socket.end());
    const sql = postgres(url, { max: 1 });
    onTestFinished(() => sql.end({ timeout: 0 }));
    const error = await answerInTime(Promise.resolve(sql`select 1`), 200).catch((error: unknown) => error);
    expect(connectionProblem(error, url)).toContain('does not answer. Check host and port');
  });
});

test('a certificate that nobody vouches for is named', async () => {
  const folder = new URL('../../support/tls/', import.meta.url);
  const [cert, key] = await Promise.all(['cert.pem', 'key.pem'].map((name) => readFile(new URL(name, folder))));
  const url = await strangerUrl((socket) => {
    socket.once('data', () => {
      socket.write('S');
      new TLSSocket(socket, { isServer: true, cert, key }).on('error', () => {});
    });
  }, '?sslmode=verify-full');
  expect(await problemAt(url)).toMatch(
    /^No encrypted connection to 127\.0\.0\.1:\d+ came about: .*certificate.*NODE_EXTRA_CA_CERTS/,
  );
});

test('a URL that is none is not repeated', async () => {
  const url = `postgres://somebody:${password}@[/accounts`;
  try {
    postgres(url);
    expect.fail('it was expected to fail');
  } catch (error) {
    expect(connectionProblem(error, url)).toBe('DATABASE_URL is not a URL. Write postgres://user:password@host:5432/database.');
  }
});

test('the wrapper that Drizzle puts around an error is looked through', async () => {
  const url = serverUrl((url) => (url.password = password));
  const client = postgres(url, { max: 1 });
  onTestFinished(() => client.end({ timeout: 0 }));
  const error = await drizzle(client)
    .execute('select 1')
    .catch((error: unknown) => error);
  expect(connectionProblem(error, url)).toContain('refuses the password of the user roster');
});

test('other errors are not about the connection', async () => {
  const url = serverUrl();
  const sql = postgres(url, { max: 1 });
  onTestFinished(() => sql.end());
  const error = await sql`select 1 / 0`.catch((error: unknown) => error);
  expect(error).toMatchObject({ code: '22012' });
  expect(connectionProblem(error, url)).toBe(undefined);
  expect(connectionProblem(new Error('constructor'), url)).toBe(undefined);
  expect(connectionProblem(Object.assign(new Error(), { code: 'constructor' }), url)).toBe(undefined);
  expect(connectionProblem('text', url)).toBe(undefined);
});
