import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DescService } from '@bufbuild/protobuf';
import { type Client, createClient, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import postgres, { type Sql } from 'postgres';
import { AdminService } from '../../gen/zitadel/admin/v1/admin_pb.ts';
import { ManagementService } from '../../gen/zitadel/management/v1/management_pb.ts';
import { OrganizationService } from '../../gen/zitadel/org/v2/org_service_pb.ts';
import { SessionService } from '../../gen/zitadel/session/v2/session_service_pb.ts';
import { UserService } from '../../gen/zitadel/user/v2/user_service_pb.ts';
import { type Running, start } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { closeWithFile } from './closing.ts';
import { createDatabase, type TestDatabase } from './database.ts';
import { scratch } from './scratch.ts';

export type Protocol = 'grpc' | 'grpc-web' | 'connect' | 'connect-json';

/** The instant at which every test server stands, until a test moves it. */
export const epoch = new Date('2026-01-01T12:00:00Z');

export interface Clients {
  users: Client<typeof UserService>;
  sessions: Client<typeof SessionService>;
  management: Client<typeof ManagementService>;
  admin: Client<typeof AdminService>;
  organizations: Client<typeof OrganizationService>;
}

export interface TestServer extends Running {
  /** Plain SQL on the server's database, for what no RPC does. */
  sql: Sql;
  database: TestDatabase;
  dataDir: string;
  /** http://127.0.0.1:port */
  address: string;
  /** The first owner's token. */
  token: string;
  /** Moves the server's clock. */
  setTime(date: Date): void;
  /** Every statement sent since the last call of this, but for the heartbeat's and the transactions' own. */
  statements(): string[];
  transport(protocol?: Protocol, token?: string, headers?: Record<string, string>): Transport;
  /** Clients of all services with a token, the owner's unless told otherwise; '' sends none. */
  as(token?: string, options?: { protocol?: Protocol; headers?: Record<string, string> }): Clients;
}

export interface TestOptions {
  env?: NodeJS.ProcessEnv;
  /** A second replica: the first one's database and data folder. */
  beside?: TestServer;
}

/** The whole app on a database of its own. It closes when the file is done. */
export async function startServer({ env = {}, beside }: TestOptions = {}): Promise<TestServer> {
  const database = beside?.database ?? (await createDatabase());
  const dataDir = beside?.dataDir ?? (await mkdtemp(join(scratch, 'roster-data-')));
  let now = epoch;
  let seen: string[] = [];
  const config = readConfig({
    ROSTER_LISTEN: '127.0.0.1:0',
    ROSTER_PUBLIC_URL: 'https://roster.example.com',
    ROSTER_DATA: dataDir,
    ROSTER_LOG_LEVEL: 'silent',
    ROSTER_MESSAGE_FILES: 'on',
    // A client that was refused in the middle of a body may keep its connection.
    ROSTER_DRAIN_TIMEOUT: '1s',
    DATABASE_URL: database.url,
    ...env,
  });
  const running = await start(config, { clock: () => now, onStatement: (statement) => seen.push(statement) });
  const sql = postgres(database.url, { max: 2, onnotice: () => {} });
  closeWithFile(async () => {
    await running.close();
    await sql.end();
    if (beside) return;
    await database.drop();
    await rm(dataDir, { recursive: true, force: true });
  });
  const address = `http://127.0.0.1:${running.port}`;
  const token = (await readFile(join(dataDir, 'admin.pat'), 'utf8')).trim();
  const transport = (protocol: Protocol = 'grpc', bearer = token, headers: Record<string, string> = {}) =>
    transportTo(address, protocol, bearer === '' ? headers : { authorization: `Bearer ${bearer}`, ...headers });
  return {
    ...running,
    sql,
    database,
    dataDir,
    address,
    token,
    transport,
    setTime: (date) => {
      now = date;
    },
    statements: () => {
      const statements = seen.filter(
        (statement) => !/^(select 1$|begin|commit|rollback|savepoint|release|listen|select b\.oid)/i.test(statement.trim()),
      );
      seen = [];
      return statements;
    },
    as: (bearer, { protocol, headers } = {}) => clientsOf(transport(protocol, bearer, headers)),
  };
}

function transportTo(baseUrl: string, protocol: Protocol, headers: Record<string, string>): Transport {
  const addHeaders = { interceptors: [withHeaders(headers)] };
  switch (protocol) {
    case 'grpc':
      return createGrpcTransport({ baseUrl, ...addHeaders });
    case 'grpc-web':
      return createGrpcWebTransport({ baseUrl, httpVersion: '1.1', ...addHeaders });
    case 'connect':
      return createConnectTransport({ baseUrl, httpVersion: '2', useBinaryFormat: true, ...addHeaders });
    case 'connect-json':
      return createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: false, ...addHeaders });
  }
}

const withHeaders =
  (headers: Record<string, string>) =>
  <Req extends { header: Headers }, Res>(next: (req: Req) => Promise<Res>) =>
  (req: Req) => {
    for (const [name, value] of Object.entries(headers)) req.header.set(name, value);
    return next(req);
  };

function clientsOf(transport: Transport): Clients {
  const client = <S extends DescService>(service: S) => createClient(service, transport);
  return {
    users: client(UserService),
    sessions: client(SessionService),
    management: client(ManagementService),
    admin: client(AdminService),
    organizations: client(OrganizationService),
  };
}
