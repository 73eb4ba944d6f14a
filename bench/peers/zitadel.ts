// Zitadel: the same calls over gRPC as of the service itself, by the token of the service user that its setup makes.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  ListOrganizationsRequestSchema,
  ListOrganizationsResponseSchema,
  OrganizationService,
} from '../../gen/zitadel/org/v2/org_service_pb.ts';
import { CreateUserRequestSchema, UserService } from '../../gen/zitadel/user/v2/user_service_pb.ts';
import { type Checked, framed, overGrpc } from '../calls.ts';
import { casesFor } from '../cases.ts';
import { userId } from '../people.ts';
import { type Address, freePort } from '../service.ts';
import { type Operations, type Peer, type Place, personAt, run, type Started, startProgram } from './peer.ts';
import { operationsOf } from './roster.ts';

/** Users that are made at the same time: it has no call that makes several. */
const makers = 16;
const organization = 'Bench';
const listedMs = 300_000;
const pollMs = 1_000;

export const zitadel: Peer = {
  name: 'Zitadel',
  command: 'zitadel',
  installation:
    'Zitadel 4.11 or newer (https://github.com/zitadel/zitadel/releases), the first that knows Postgres 18: its single program,\n' +
    'on PATH as "zitadel" or by --binary.',
  protocol: 'grpc',
  versionArgs: ['--version'],
  start,
};

async function start(place: Place): Promise<Started> {
  const port = await freePort();
  const [configuration, steps, token] = ['zitadel.json', 'steps.json', 'admin.pat'].map((name) => join(place.folder, name));
  if (!configuration || !steps || !token) throw new Error('three files');
  await writeFile(configuration, JSON.stringify(configurationOf(place, port)), { mode: 0o600 });
  await writeFile(steps, JSON.stringify(firstInstance(token)));
  // The database and its owner are there already: only what stands in it is made.
  await run(place, ['init', 'zitadel', '--config', configuration]);
  const files = ['--config', configuration, '--steps', steps];
  const secrets = ['--masterkey', 'OnlyForThisRun-32-Characters-Key', '--tlsMode', 'disabled'];
  const url = `http://localhost:${port}`;
  const bare = await startProgram({
    ...place,
    args: ['start-from-setup', ...files, ...secrets],
    url,
    readyAt: `${url}/debug/ready`,
  });
  const target = { ...bare, headers: { authorization: `Bearer ${(await readFile(token, 'utf8')).trim()}` } };
  return { target, fill: (total, progress) => fill(target, total, progress) };
}

function configurationOf({ database }: Place, port: number) {
  const { hostname, port: databasePort, pathname, username, password } = database;
  const owner = { Username: username, Password: password, SSL: { Mode: 'disable' } };
  return {
    ...{ Port: port, ExternalPort: port, ExternalDomain: 'localhost', ExternalSecure: false, TLS: { Enabled: false } },
    Log: { Level: 'warn' },
    Database: {
      postgres: { Host: hostname, Port: Number(databasePort), Database: pathname.slice(1), User: owner, Admin: owner },
    },
  };
}

const firstInstance = (token: string) => ({
  FirstInstance: {
    PatPath: token,
    Org: {
      Name: organization,
      Machine: {
        Machine: { Username: 'bench-admin', Name: 'Admin of the benchmark' },
        Pat: { ExpirationDate: '2099-01-01T00:00:00Z' },
      },
    },
  },
});

async function fill(target: Address, total: number, progress: (done: number) => void): Promise<Operations> {
  const organizationId = await organizationOf(target);
  const { path } = pathOf(UserService.method.createUser);
  const making = overGrpc({ path, request: (n) => creationOf(organizationId, n, total) }).open(target, makers);
  let next = 0;
  const maker = async () => {
    for (let n = next++; n < total; n = next++) {
      await making.call(n);
      progress(n + 1);
    }
  };
  await Promise.all(Array.from({ length: makers }, maker));
  making.close();
  const operations = operationsOf(casesFor(total, organizationId, 'peer'), 'grpc');
  await untilListed(operations.list, target);
  return operations;
}

/** What its lists are made from follows what was written after a while. */
async function untilListed(list: Checked, target: Address): Promise<void> {
  const caller = list.open(target, 1);
  const isRight = async () => list.verify(await caller.call(0, true), 0);
  const deadline = performance.now() + listedMs;
  while (
    !(await isRight().then(
      () => true,
      () => false,
    ))
  ) {
    if (performance.now() > deadline) throw new Error('Zitadel: its lists lack users');
    await sleep(pollMs);
  }
  caller.close();
}

async function organizationOf(target: Address): Promise<string> {
  const request = framed(toBinary(ListOrganizationsRequestSchema, create(ListOrganizationsRequestSchema)));
  const { path } = pathOf(OrganizationService.method.listOrganizations);
  const caller = overGrpc({ path, request: () => request }).open(target, 1);
  const { result } = fromBinary(ListOrganizationsResponseSchema, await caller.call(0, true));
  caller.close();
  const [first] = result;
  if (!first) throw new Error('Zitadel: no organization');
  return first.id;
}

const pathOf = ({ parent, name }: { parent: { typeName: string }; name: string }) => ({ path: `/${parent.typeName}/${name}` });

function creationOf(organizationId: string, n: number, total: number): Buffer {
  const { username, email, givenName, familyName } = personAt(n);
  const verification = { case: 'isVerified', value: true } as const;
  const human = { profile: { givenName, familyName }, email: { email, verification } };
  const request = { organizationId, userId: userId(n, total), username, userType: { case: 'human', value: human } } as const;
  return framed(toBinary(CreateUserRequestSchema, create(CreateUserRequestSchema, request)));
}
