// A stranger who brings a proof that is not right learns nothing: whoever he names, and whatever is wrong, the answers are
// the same to the byte, the waits between them too.
import { type DescMethod, fromJson, type JsonObject, toBinary, toJsonString } from '@bufbuild/protobuf';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Kind } from '../../src/features/passkey/repository.ts';
import { codeWithId, type Purpose } from '../../src/kernel/codes/codes.ts';
import { codePurpose, webauthnKind } from '../../src/kernel/db/schema.ts';
import { codeTriesPerNetwork, codeTrySeconds, TryLimits } from '../../src/kernel/networks.ts';
import { accessOf } from '../../src/server/access.ts';
import { services } from '../../src/server/routes.ts';
import {
  type Actor,
  createHuman,
  createMachine,
  createManager,
  createOrganization,
  createStranger,
  knownPassword,
  leaveCode,
  unique,
} from '../support/actors.ts';
import { allFormsOf, valuesOf } from '../support/isolation/allForms.ts';
import { idPlaces, withId } from '../support/isolation/ids.ts';
import { pathOf } from '../support/isolation/matrix.ts';
import { answer, challenge, foreignId } from '../support/isolation/values.ts';
import { openWire, outcomeOf, type Protocol, printOf, protocols, type Wire } from '../support/isolation/wire.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';

/** What a proof is called in a request, with one that is wrong. */
const wrongProofs: Readonly<Record<string, string>> = {
  verificationCode: 'WRONG1',
  code: 'WRONG1',
  currentPassword: 'Wrong-Wort-1',
};

interface Proving {
  method: DescMethod;
  field: string;
  json: JsonObject;
}

/** By the kind of what waits for an answer, which is the proof: more than a text, and not to be guessed. */
const answering: Readonly<Record<string, Kind>> = {
  VerifyPasskeyRegistration: 'passkey',
  VerifyU2FRegistration: 'u2f',
};

const opened = services.flatMap((service) => service.methods).filter((method) => accessOf(method)?.on === 'proof');
const methods = opened.filter(({ name }) => !(name in answering));

const textIn = (json: JsonObject, field: string) => [...valuesOf(json, field)].find(({ value }) => typeof value === 'string');

const proving: Proving[] = methods.flatMap((method) =>
  Object.entries(wrongProofs).flatMap(([field, wrong]) => {
    for (const { json } of allFormsOf(method.input)) {
      const found = textIn(json, field);
      // What a code was made with.
      const ids = [...valuesOf(json, 'id')].map(({ path }) => path);
      const named = ids.reduce((request, path) => withId(request, path, foreignId), json);
      if (found) return [{ method, field, json: withId(named, found.path, wrong) }];
    }
    return [];
  }),
);

const right = 'Current-Wort-1';
/** The code that is live, or was, where there is one. */
const code = 'RIGHT1';

let server: TestServer;
let wire: Wire;
let callers: Record<string, Actor>;
/** Users by what is special about them. A method's proof is wrong for each of them, or there is none. */
let subjects: Record<string, string>;

beforeAll(async () => {
  // A lock-out must not tell either.
  const env = { ROSTER_TRIES_PER_NETWORK: '1000000', ROSTER_LOCK_AFTER_PASSWORD_TRIES: '3' };
  server = await startServer({ env });
  wire = openWire(server.address);
  const elsewhere = await createOrganization(server);
  callers = {
    'a machine without roles': await createStranger(server),
    'the owner of another organization': await createManager(server, ['ORG_OWNER'], elsewhere),
  };
  subjects = await createSubjects();
});

afterAll(() => wire.close());

/** As a request that names the code brings it. */
const leaveLive = (userId: string, purpose: Purpose) =>
  leaveCode(server, userId, purpose, purpose === 'passkey' ? codeWithId(foreignId, code) : code);

/** A registration that waits for `answer`. */
async function leaveWaiting(userId: string, kind: Kind): Promise<void> {
  const later = new Date(epoch.getTime() + 60_000).toISOString();
  await server.sql`insert into webauthn_registrations (user_id, kind, id, rp_id, challenge, expires_at)
    values (${userId}, ${kind}, ${kind}, 'roster.example.com', ${challenge}, ${later})
    on conflict (user_id, kind) do update set id = excluded.id, challenge = excluded.challenge, expires_at = excluded.expires_at`;
}

async function createSubjects(): Promise<Record<string, string>> {
  const { sql } = server;
  const far = await createOrganization(server);
  const create = async (organizationId?: string) => {
    const id = await createHuman(server, {
      ...(organizationId && { organizationId }),
      phone: { phone: '+41446681800' },
      passwordType: await knownPassword(right),
    });
    for (const purpose of codePurpose.enumValues) await leaveLive(id, purpose);
    for (const kind of webauthnKind.enumValues) await leaveWaiting(id, kind);
    return id;
  };
  const inState = async (state: string) => {
    const id = await create();
    await sql`update users set state = ${state} where id = ${id}`;
    return id;
  };
  const deleted = await create();
  await server.as().users.deleteUser({ userId: deleted });
  const without = await create();
  await sql`delete from user_passwords where user_id = ${without}`;
  await sql`delete from codes where user_id = ${without}`;
  const lesser = await create();
  await sql`update user_passwords set hash = '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy' where user_id = ${lesser}`;
  return {
    'whom nobody knows': unique('unknown'),
    'of the same organization as others': await create(),
    'of another organization': await create(far),
    inactive: await inState('inactive'),
    locked: await inState('locked'),
    initial: await inState('initial'),
    deleted,
    'a machine': await createMachine(server),
    'without a password and without a code': without,
    'with an imported password': lesser,
    'with an expired code': await create(),
    'with a dead code': await create(),
  };
}

const purposeOf: Readonly<Record<string, Purpose>> = {
  VerifyEmail: 'email',
  VerifyPhone: 'phone',
  VerifyInviteCode: 'invite',
  SetPassword: 'password',
  RegisterPasskey: 'passkey',
};

/** As if nobody had tried anything; every code is there again, but for those whose age or failures are the point. */
async function beginAnew(): Promise<void> {
  const { sql } = server;
  const past = new Date(epoch.getTime() - 1).toISOString();
  server.setTime(epoch);
  server.app.codeTryLimits = new TryLimits(codeTriesPerNetwork, codeTriesPerNetwork * codeTrySeconds);
  await sql`delete from guesses`;
  const { initial = '', locked = '' } = subjects;
  await sql`update users set state = (case id when ${initial} then 'initial' else 'active' end)::user_state
    where state = 'locked' and id <> ${locked}`;
  await sql`update codes set failures = 0`;
  await sql`update codes set expires_at = ${past} where user_id = ${subjects['with an expired code'] ?? ''}`;
  await sql`update codes set failures = 5 where user_id = ${subjects['with a dead code'] ?? ''}`;
}

async function ask({ method }: Pick<Proving, 'method'>, json: JsonObject, userId: string, { token }: Actor, protocol: Protocol) {
  const [place] = idPlaces(method.input, json);
  if (!place) throw new Error(`${method.name} names no user`);
  const message = fromJson(method.input, withId(json, place.path, userId));
  const body = protocol === 'connect-json' ? Buffer.from(toJsonString(method.input, message)) : toBinary(method.input, message);
  return wire.send({ path: pathOf(method), headers: { authorization: `Bearer ${token}` }, body, protocol });
}

test('every call that a proof opens is here, with each kind of proof', () => {
  for (const method of methods) {
    const fields = proving.filter((one) => one.method === method).map(({ field }) => field);
    expect(fields, `say above what a proof is called in ${method.name}`).not.toEqual([]);
    expect(purposeOf, `say above what the codes of ${method.name} are for`).toHaveProperty(method.name);
  }
});

const [unknown, wait] = ['not_found USER_NOT_FOUND', 'resource_exhausted TRIED_TOO_OFTEN'];

type Course = readonly (readonly [number, string])[];

// Four from one network, then one every two minutes.
const courseOfCodes: Course = [
  ...Array.from({ length: 4 }, () => [0, unknown] as const),
  [0, wait],
  [119, wait],
  [120, unknown],
  [239, wait],
  [240, unknown],
];

/** Seconds since the first try, and what it is answered. */
const course: Readonly<Record<string, Course>> = {
  // Five are free, then waits of 1, 2 and 4 seconds.
  currentPassword: [
    ...Array.from({ length: 5 }, () => [0, unknown] as const),
    ...([
      [0, wait],
      [0.5, wait],
      [1, unknown],
      [2.9, wait],
      [3, unknown],
      [6, wait],
    ] as const),
  ],
  verificationCode: courseOfCodes,
  code: courseOfCodes,
};

let turns = 0;

/** Everybody over one protocol. Over the others, where the same refusal is written otherwise, an unknown user and a third of them in turn. */
function someOf(protocol: Protocol): [string, string][] {
  const all = Object.entries(subjects);
  const turn = protocol === 'connect' ? undefined : ++turns % 3;
  return all.filter((_, index) => turn === undefined || index === 0 || index % 3 === turn);
}

const named = proving.map((one) => [`${one.method.name} with ${one.field}`, one] as const);

describe.each(named)('%s', (_, one) => {
  test('a wrong one is the same for whomever it is, over every protocol', async () => {
    for (const [index, [caller, actor]] of Object.entries(callers).entries()) {
      for (const protocol of index === 0 ? protocols : (['connect'] as const)) {
        await beginAnew();
        const told = new Map<string, string[]>();
        const asked = someOf(protocol);
        for (const [name, userId] of asked) {
          const print = printOf(await ask(one, one.json, userId, actor, protocol));
          told.set(print, [...(told.get(print) ?? []), name]);
        }
        expect([...told.values()], `${caller}, ${protocol}`).toEqual([asked.map(([name]) => name)]);
      }
    }
  });

  test('and so it is each time that it is tried, until one has to wait, and after that', async () => {
    const [actor] = Object.values(callers);
    if (!actor) throw new Error('there is nobody to ask');
    await beginAnew();
    const outcomes: string[] = [];
    for (const [seconds] of course[one.field] ?? []) {
      server.setTime(new Date(epoch.getTime() + seconds * 1000));
      const answers = await Promise.all(Object.values(subjects).map((userId) => ask(one, one.json, userId, actor, 'connect')));
      expect(new Set(answers.map(printOf)), `after ${seconds} s`).toHaveLength(1);
      outcomes.push(...answers.slice(0, 1).map(outcomeOf));
    }
    const [row] = await server.sql`select state from users where id = ${subjects['of another organization'] ?? ''}`;
    expect(row).toEqual({ state: one.field === 'currentPassword' ? 'locked' : 'active' });
    expect(outcomes).toEqual(course[one.field]?.map(([, outcome]) => outcome));
  });
});

describe.each(named.filter(([, { field }]) => field !== 'currentPassword'))('%s', (_, one) => {
  test('a code that was right, or is for something else, or that the user may not use, is one like any other', async () => {
    const purpose = purposeOf[one.method.name];
    const found = textIn(one.json, one.field);
    if (!found || !purpose) throw new Error('there is no code to bring');
    const json = withId(one.json, found.path, code);
    for (const [caller, actor] of Object.entries(callers)) {
      await beginAnew();
      const { sql } = server;
      const other = subjects['of another organization'] ?? '';
      await sql`delete from codes where user_id = ${other} and purpose = ${purpose}`;
      const names = [
        'whom nobody knows',
        'of another organization',
        'initial',
        'deleted',
        'a machine',
        'with an expired code',
        'with a dead code',
        // Whoever is out of use gets no new factor.
        ...(purpose === 'passkey' ? ['inactive', 'locked'] : []),
      ];
      const answers = await Promise.all(names.map((name) => ask(one, json, subjects[name] ?? '', actor, 'grpc')));
      expect(new Set(answers.map(printOf)), caller).toHaveLength(1);
      await leaveLive(other, purpose);
      // Nothing else was wrong with it.
      expect(outcomeOf(await ask(one, json, other, actor, 'connect')), caller).toBe('ok');
      await leaveLive(other, purpose);
    }
  });
});

describe.each(opened.filter(({ name }) => name in answering).map((method) => [method.name, method] as const))(
  '%s',
  (name, method) => {
    const kind = answering[name] ?? 'passkey';
    const named = kind === 'u2f' ? { u2fId: 'u2f', tokenName: 'Key' } : { passkeyId: 'passkey', passkeyName: 'Key' };
    const own = { userId: '0', ...named };
    const wrong = { ...own, publicKeyCredential: { id: 'AAAA' } };
    const right = { ...own, publicKeyCredential: answer };

    beforeEach(async () => {
      await beginAnew();
      for (const userId of Object.values(subjects)) {
        const [person] = await server.sql`select from users where id = ${userId} and type = 'human'`;
        if (person) await leaveWaiting(userId, kind);
      }
    });

    test('an answer that is not right is the same for whomever it is, over every protocol', async () => {
      for (const [index, [caller, actor]] of Object.entries(callers).entries()) {
        for (const protocol of index === 0 ? protocols : (['connect'] as const)) {
          const ids = someOf(protocol).map(([, id]) => id);
          const answers = await Promise.all(ids.map((userId) => ask({ method }, wrong, userId, actor, protocol)));
          expect(new Set(answers.map(printOf)), `${caller}, ${protocol}`).toHaveLength(1);
          if (protocol === 'connect') expect(answers.slice(0, 1).map(outcomeOf)).toEqual([unknown]);
        }
      }
    });

    test('a right one that is too late, or for what waits no more, or of whom may not, is one like any other', async () => {
      const { sql } = server;
      const late = subjects['with an expired code'] ?? '';
      const none = subjects['with a dead code'] ?? '';
      await sql`update webauthn_registrations set expires_at = ${epoch.toISOString()} where user_id = ${late}`;
      await sql`delete from webauthn_registrations where user_id = ${none}`;
      const names = ['whom nobody knows', 'inactive', 'locked', 'initial', 'deleted', 'a machine'];
      const ids = [...names.map((name) => subjects[name] ?? ''), late, none];
      for (const [caller, actor] of Object.entries(callers)) {
        const answers = await Promise.all(ids.map((userId) => ask({ method }, right, userId, actor, 'grpc')));
        expect(new Set(answers.map(printOf)), caller).toHaveLength(1);
      }
      expect(await sql`select from webauthn_credentials`).toHaveLength(0);
      // Nothing else was wrong with it.
      const [actor] = Object.values(callers);
      const other = subjects['of another organization'] ?? '';
      if (actor) expect(outcomeOf(await ask({ method }, right, other, actor, 'connect'))).toBe('ok');
      await sql`delete from webauthn_credentials`;
    });
  },
);
