// Ory Kratos: its admin interface, which asks for no token.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ask, checked, json } from '../http1.ts';
import { type Address, freePort } from '../service.ts';
import {
  batches,
  newPerson,
  type Operations,
  type Peer,
  type Person,
  type Place,
  personAt,
  run,
  type Started,
  startProgram,
} from './peer.ts';

/** Identities of one request, which may be up to a thousand. */
const batchSize = 500;

export const kratos: Peer = {
  name: 'Ory Kratos',
  command: 'kratos',
  installation: `Ory Kratos 1.3 (https://www.ory.sh/docs/kratos/install): its single program, on PATH as "kratos" or by --binary.`,
  protocol: 'json',
  versionArgs: ['version'],
  start,
};

async function start(place: Place): Promise<Started> {
  const [publicPort, adminPort] = [await freePort(), await freePort()];
  const file = join(place.folder, 'kratos.json');
  await writeFile(join(place.folder, 'person.schema.json'), JSON.stringify(schema));
  await writeFile(file, JSON.stringify(configuration(place, publicPort, adminPort)), { mode: 0o600 });
  await run(place, ['migrate', 'sql', '--read-from-env', '--yes', '--config', file], { DSN: dsnOf(place) });
  const url = `http://127.0.0.1:${adminPort}`;
  const args = ['serve', '--config', file];
  const target = await startProgram({ ...place, args, url, readyAt: `${url}/admin/health/ready` });
  return { target, fill: (total, progress) => fill(target, total, progress) };
}

const dsnOf = ({ database }: Place) => `${database.href}?sslmode=disable`;

function configuration(place: Place, publicPort: number, adminPort: number) {
  const listen = (port: number) => ({ host: '127.0.0.1', port, base_url: `http://127.0.0.1:${port}/` });
  return {
    dsn: dsnOf(place),
    serve: { public: listen(publicPort), admin: listen(adminPort) },
    selfservice: { default_browser_return_url: `http://127.0.0.1:${publicPort}/`, methods: { password: { enabled: true } } },
    identity: {
      default_schema_id: 'person',
      schemas: [{ id: 'person', url: `file://${join(place.folder, 'person.schema.json')}` }],
    },
    log: { level: 'warning' },
    courier: { smtp: { connection_uri: 'smtp://127.0.0.1:1/?disable_starttls=true' } },
  };
}

/** A person signs in by the e-mail, which is what makes it unique. */
const schema = {
  $id: 'person',
  $schema: 'http://json-schema.org/draft-07/schema#',
  type: 'object',
  properties: {
    traits: {
      type: 'object',
      properties: {
        email: {
          type: 'string',
          format: 'email',
          'ory.sh/kratos': { credentials: { password: { identifier: true } }, verification: { via: 'email' } },
        },
        name: { type: 'object', properties: { first: { type: 'string' }, last: { type: 'string' } } },
      },
      required: ['email'],
    },
  },
};

const identity = ({ email, givenName, familyName }: Person) => ({
  schema_id: 'person',
  traits: { email, name: { first: givenName, last: familyName } },
  verifiable_addresses: [{ value: email, verified: true, via: 'email', status: 'completed' }],
});

async function fill(target: Address, total: number, progress: (done: number) => void): Promise<Operations> {
  const ids: string[] = [];
  for (const batch of batches(total, batchSize)) {
    const content = { identities: batch.map((n) => ({ create: identity(personAt(n)) })) };
    const answer = await ask(target, json('PATCH', '/admin/identities', content));
    const { identities }: { identities: { identity: string }[] } = JSON.parse(answer.toString());
    ids.push(...identities.map(({ identity: id }) => id));
    progress(ids.length);
  }
  return operationsOn(ids);
}

const operationsOn = (ids: readonly string[]): Operations => ({
  lookup: checked(
    (n) => ({ method: 'GET', path: `/admin/identities/${ids[n]}` }),
    (answer, n) => {
      const { traits }: { traits?: { email?: string } } = JSON.parse(answer.toString());
      if (traits?.email !== personAt(n).email) throw new Error(`Kratos: not identity ${n}`);
    },
  ),
  list: checked(
    () => ({ method: 'GET', path: '/admin/identities?page_size=100' }),
    (answer) => {
      const page: unknown[] = JSON.parse(answer.toString());
      if (page.length !== 100) throw new Error(`Kratos: a page of ${page.length}`);
    },
  ),
  create: checked(
    () => json('POST', '/admin/identities', identity(newPerson())),
    (answer) => {
      const { id }: { id?: string } = JSON.parse(answer.toString());
      if (!id) throw new Error('Kratos: no identity made');
    },
  ),
});
