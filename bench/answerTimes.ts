// Does the time of an answer tell a stranger who exists? `node bench/answerTimes.ts [tries]` starts a service of its own,
// brings wrong proofs for users that exist and for some that do not, in turn, and prints the medians beside each other.
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { startService, type Target } from './service.ts';

const tries = Number(process.argv[2] ?? 40);
const warmUp = 10;

/** A wrong try counts for the network that it comes from: each of these has its own count. */
const agents = Array.from({ length: 100 }, (_, index) => new Agent({ keepAlive: true, localAddress: `127.0.0.${index + 10}` }));

type Json = Record<string, unknown>;

interface Asked {
  path: string;
  body: Json;
}

/** Milliseconds from the request to the end of the answer, which has to be `status`. */
async function ask({ url }: Target, token: string, { path, body }: Asked, turn: number, status: number) {
  const agent = agents[turn % agents.length];
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const started = performance.now();
  const { answer, code } = await new Promise<{ answer: Json; code: number | undefined }>((resolve, reject) => {
    const sent = request(`${url}/${path}`, { method: 'POST', ...(agent && { agent }), headers }, (response) => {
      json(response).then((read) => resolve({ answer: asObject(read), code: response.statusCode }), reject);
    });
    sent.on('error', reject).end(JSON.stringify(body));
  });
  const took = performance.now() - started;
  if (code !== status) throw new Error(`${path} answers ${code}: ${JSON.stringify(answer)}`);
  return { answer, took };
}

const asObject = (value: unknown): Json => (typeof value === 'object' && value !== null ? { ...value } : {});

const users = 'zitadel.user.v2.UserService';

/** How a wrong proof is brought. */
const proofs: Readonly<Record<string, (userId: string) => Asked>> = {
  'VerifyEmail with a wrong code': (userId) => ({ path: `${users}/VerifyEmail`, body: { userId, verificationCode: 'WRONG1' } }),
  'SetPassword with a wrong code': (userId) => ({
    path: `${users}/SetPassword`,
    body: { userId, newPassword: { password: 'Another-Wort-1' }, verificationCode: 'WRONG1' },
  }),
  'SetPassword with a wrong password': (userId) => ({
    path: `${users}/SetPassword`,
    body: { userId, newPassword: { password: 'Another-Wort-1' }, currentPassword: 'Wrong-Wort-1' },
  }),
};

const imported = '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy';

const password = { password: { password: 'Current-Wort-1' } };
const hashed = { hashedPassword: { hash: imported } };

/** Whom it is brought for: ids by kind, as many as there are tries, so that nobody has to wait. */
async function createSubjects(service: Target, owner: string): Promise<Record<string, string[]>> {
  const call = async (path: string, body: Json) => (await ask(service, owner, { path, body }, 0, 200)).answer;
  const { result } = await call('zitadel.org.v2.OrganizationService/ListOrganizations', {});
  const organizationId = asObject(Array.isArray(result) ? result[0] : undefined).id;
  const create = async (index: number, kind: string, more: Json, withCodes: boolean) => {
    const human = {
      profile: { givenName: 'Ada', familyName: 'Lovelace' },
      email: { email: `${kind}${index}@example.net`, ...(withCodes ? { returnCode: {} } : { isVerified: true }) },
      ...more,
    };
    const { id } = await call(`${users}/CreateUser`, { organizationId, human });
    if (withCodes) await call(`${users}/PasswordReset`, { userId: id, returnCode: {} });
    return String(id);
  };
  const many = async (make: (index: number) => Promise<string> | string) => {
    const ids: string[] = [];
    for (let index = 0; index < tries + warmUp; index++) ids.push(await make(index));
    return ids;
  };
  return {
    unknown: await many((index) => String(300_000_000_000_000_000n + BigInt(index))),
    'with password and codes': await many((index) => create(index, 'full', password, true)),
    'without either': await many((index) => create(index, 'bare', {}, false)),
    'with an imported password (bcrypt 10)': await many((index) => create(index, 'imported', hashed, true)),
  };
}

async function createStranger(service: Target, owner: string): Promise<string> {
  const call = async (path: string, body: Json) => (await ask(service, owner, { path, body }, 0, 200)).answer;
  const { result } = await call('zitadel.org.v2.OrganizationService/ListOrganizations', {});
  const organizationId = asObject(Array.isArray(result) ? result[0] : undefined).id;
  const { id } = await call(`${users}/CreateUser`, { organizationId, machine: { name: 'Stranger' } });
  const expirationDate = new Date(Date.now() + 86_400_000).toISOString();
  const { token } = await call(`${users}/AddPersonalAccessToken`, { userId: id, expirationDate });
  return String(token);
}

const quantile = (sorted: readonly number[], share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;

async function measure(service: Target, stranger: string, subjects: Record<string, string[]>): Promise<void> {
  console.log('| wrong proof | user | p25 ms | median ms | p75 ms | median / unknown |');
  console.log('| --- | --- | ---: | ---: | ---: | ---: |');
  for (const [proof, bring] of Object.entries(proofs)) {
    const times = new Map(Object.keys(subjects).map((kind) => [kind, [] as number[]]));
    for (let turn = 0; turn < tries + warmUp; turn++) {
      for (const [kind, ids] of shuffled(Object.entries(subjects))) {
        const { took } = await ask(service, stranger, bring(ids[turn] ?? ''), turn, 404);
        if (turn >= warmUp) times.get(kind)?.push(took);
      }
    }
    const sorted = [...times].map(([kind, all]) => [kind, all.toSorted((a, b) => a - b)] as const);
    const least = quantile(sorted[0]?.[1] ?? [], 0.5);
    for (const [kind, all] of sorted) {
      const figures = [0.25, 0.5, 0.75].map((share) => quantile(all, share).toFixed(2));
      console.log(`| ${proof} | ${kind} | ${figures.join(' | ')} | ${(quantile(all, 0.5) / least).toFixed(2)} |`);
    }
  }
}

/** So that none of them always comes behind the same other one. */
const shuffled = <T>(all: readonly T[]): T[] =>
  all
    .map((each) => [Math.random(), each] as const)
    .sort(([a], [b]) => a - b)
    .map(([, each]) => each);

const dataDir = await mkdtemp(join(tmpdir(), 'roster-answers-'));
const service = await startService({ dataDir });
try {
  const owner = (service.headers.authorization ?? '').replace('Bearer ', '');
  await measure(service, await createStranger(service, owner), await createSubjects(service, owner));
} finally {
  for (const agent of agents) agent.destroy();
  await service.stop();
  await rm(dataDir, { recursive: true, force: true });
}
