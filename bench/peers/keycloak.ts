// Keycloak: the admin interface of a realm of its own, called by a service account of the master realm.
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
  type Started,
  startProgram,
} from './peer.ts';

const batchSize = 500;
const realm = '/admin/realms/bench';
const admin = { id: 'bench-admin', secret: 'only-for-this-run' };
/** Seconds: longer than a run, where a token of the master realm holds for one minute otherwise. */
const tokenLifespan = 36_000;

export const keycloak: Peer = {
  name: 'Keycloak',
  command: 'kc.sh',
  installation:
    'Keycloak 26 (https://www.keycloak.org/downloads; also org.keycloak:keycloak-quarkus-dist:26.0.0:zip on Maven Central) and Java 17 or 21:\n' +
    'its bin/kc.sh, on PATH or by --binary. Its first start builds it for Postgres, in its own folder.',
  protocol: 'json',
  versionArgs: ['--version'],
  start,
};

async function start(place: Place): Promise<Started> {
  const [port, managementPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const { hostname, port: databasePort, pathname, username, password } = place.database;
  const args = [
    ...['start', '--db=postgres', `--db-url=jdbc:postgresql://${hostname}:${databasePort}${pathname}`, '--cache=local'],
    ...['--http-enabled=true', '--http-host=127.0.0.1', `--http-port=${port}`, '--hostname-strict=false', '--log-level=warn'],
    ...['--health-enabled=true', `--http-management-port=${managementPort}`],
  ];
  const env = {
    ...{ KC_DB_USERNAME: username, KC_DB_PASSWORD: password },
    ...{ KC_BOOTSTRAP_ADMIN_CLIENT_ID: admin.id, KC_BOOTSTRAP_ADMIN_CLIENT_SECRET: admin.secret },
  };
  const readyAt = `http://127.0.0.1:${managementPort}/health/ready`;
  const bare = await startProgram({ ...place, args, env, url, readyAt });
  await ask(await signedIn(bare), json('PUT', '/admin/realms/master', { accessTokenLifespan: tokenLifespan }));
  await ask(await signedIn(bare), json('POST', '/admin/realms', { realm: 'bench', enabled: true }));
  // A token knows the realms that there were when it was made.
  const target = await signedIn(bare);
  return { target, fill: (total, progress) => fill(target, total, progress) };
}

async function signedIn(target: Started['target']): Promise<Started['target']> {
  const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: admin.id, client_secret: admin.secret });
  const answer = await ask(target, {
    method: 'POST',
    path: '/realms/master/protocol/openid-connect/token',
    type: 'application/x-www-form-urlencoded',
    body: Buffer.from(form.toString()),
  });
  const { access_token }: { access_token: string } = JSON.parse(answer.toString());
  return { ...target, headers: { authorization: `Bearer ${access_token}` } };
}

const representation = ({ username, email, givenName, familyName }: Person) => ({
  ...{ username, email, emailVerified: true, firstName: givenName, lastName: familyName, enabled: true },
});

async function fill(target: Address, total: number, progress: (done: number) => void) {
  const ids: string[] = [];
  for (const batch of batches(total, batchSize)) {
    const content = { ifResourceExists: 'FAIL', users: batch.map((n) => representation(personAt(n))) };
    const answer = await ask(target, json('POST', `${realm}/partialImport`, content));
    const { results }: { results: { id: string; resourceName: string }[] } = JSON.parse(answer.toString());
    // In no order.
    const idOf = new Map(results.map(({ id, resourceName }) => [resourceName, id]));
    ids.push(...batch.map((n) => idOf.get(personAt(n).username) ?? ''));
    progress(ids.length);
  }
  return operationsOn(ids);
}

const operationsOn = (ids: readonly string[]): Operations => ({
  lookup: checked(
    (n) => ({ method: 'GET', path: `${realm}/users/${ids[n]}` }),
    (answer, n) => {
      const { email }: { email?: string } = JSON.parse(answer.toString());
      if (email !== personAt(n).email) throw new Error(`Keycloak: not user ${n}`);
    },
  ),
  list: checked(
    () => ({ method: 'GET', path: `${realm}/users?first=0&max=100` }),
    (answer) => {
      const page: unknown[] = JSON.parse(answer.toString());
      if (page.length !== 100) throw new Error(`Keycloak: a page of ${page.length}`);
    },
  ),
  // The answer has no content: it is right when it is no error.
  create: checked(
    () => json('POST', `${realm}/users`, representation(newPerson())),
    () => {},
  ),
});
