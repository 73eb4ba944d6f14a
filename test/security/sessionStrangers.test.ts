// Who may not see a session learns nothing of it, nor of any user through one: whatever he names and brings, the answers are
// the same to the byte.
import { type DescMethod, fromJson, type JsonObject, toBinary, toJsonString } from '@bufbuild/protobuf';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SessionService } from '../../gen/zitadel/session/v2/session_service_pb.ts';
import { accessOf } from '../../src/server/access.ts';
import {
  type Actor,
  actAs,
  createHuman,
  createMachine,
  createManager,
  createOrganization,
  createStranger,
  knownPassword,
} from '../support/actors.ts';
import { allFormsOf } from '../support/isolation/allForms.ts';
import { filled } from '../support/isolation/choices.ts';
import { idPlaces, withId } from '../support/isolation/ids.ts';
import { pathOf } from '../support/isolation/matrix.ts';
import { type Memory, remember } from '../support/isolation/memory.ts';
import { addSession, proven } from '../support/isolation/sessions.ts';
import { noParts, password, sessionTokenOf } from '../support/isolation/values.ts';
import { openWire, outcomeOf, type Protocol, printOf, protocols, type Wire } from '../support/isolation/wire.ts';
import { epoch, startServer, type TestServer } from '../support/server.ts';

const onSessions = SessionService.methods.filter((method) => accessOf(method)?.on === 'session');
const unknownId = '100000000000000001';

let server: TestServer;
let wire: Wire;
let memory: Memory;
let callers: Record<string, Actor>;
/** Users by what is special about them. */
let users: Record<string, string>;
/** Sessions by what is special about them. */
let sessions: Record<string, string>;

beforeAll(async () => {
  server = await startServer();
  wire = openWire(server.address);
  const [here, elsewhere] = [await createOrganization(server), await createOrganization(server)];
  callers = {
    'a machine without roles': await createStranger(server),
    'a person without roles': await actAs(server, await createHuman(server, { organizationId: here })),
    'the owner of another organization': await createManager(server, ['ORG_OWNER'], elsewhere),
    'who may only look, here': await createManager(server, ['ORG_OWNER_VIEWER'], here),
  };
  users = await createUsers(here);
  sessions = await createSessions(here);
  memory = await remember(server.sql);
});

afterAll(() => wire.close());

async function createUsers(organizationId: string): Promise<Record<string, string>> {
  const create = async () => createHuman(server, { organizationId, passwordType: await knownPassword(password) });
  const inState = async (state: string) => {
    const id = await create();
    await server.sql`update users set state = ${state} where id = ${id}`;
    return id;
  };
  const deleted = await create();
  await server.as().users.deleteUser({ userId: deleted });
  return {
    'whom nobody knows': unknownId,
    active: await create(),
    inactive: await inState('inactive'),
    locked: await inState('locked'),
    initial: await inState('initial'),
    deleted,
    'a machine': await createMachine(server, { organizationId }),
  };
}

async function createSessions(organizationId: string): Promise<Record<string, string>> {
  const named = { user_id: users.active ?? '', organization_id: organizationId };
  return {
    'that nobody knows': unknownId,
    'with all that is needed': await addSession(server, 'proven', { ...named, ...proven }),
    'in which the user was checked': await addSession(server, 'unproven', named),
    'without a user': await addSession(server, 'open'),
    'that is stale': await addSession(server, 'stale', { ...named, stale: true }),
    'that has expired': await addSession(server, 'expired', { ...named, expires_at: epoch }),
    'that has ended': await addSession(server, 'ended', { ...named, ended_at: epoch }),
    'of who is locked': await addSession(server, 'locked', { ...named, user_id: users.locked ?? '' }),
    'of who is no more': await addSession(server, 'deleted', { ...named, user_id: users.deleted ?? '' }),
  };
}

async function ask(method: DescMethod, json: JsonObject, { token }: Actor, protocol: Protocol) {
  const message = fromJson(method.input, json);
  const body = protocol === 'connect-json' ? Buffer.from(toJsonString(method.input, message)) : toBinary(method.input, message);
  return wire.send({ path: pathOf(method), headers: { authorization: `Bearer ${token}` }, body, protocol });
}

let turns = 0;

/** One for everybody. The others, over which the same refusal is written otherwise, for one caller after the other in turn. */
function protocolsOf(caller: string): readonly Protocol[] {
  const names = Object.keys(callers);
  return names.indexOf(caller) === Math.floor(turns++ / names.length) % names.length ? protocols : ['connect'];
}

beforeEach(async () => expect(await memory.undo()).toEqual([]));

/** What of a request names no session: all of it as the definition lets it be, about somebody who is there. */
function* formsOn(method: DescMethod): Generator<{ label: string; json: JsonObject }> {
  const access = accessOf(method) ?? { on: 'nothing' };
  const subject = { user: { id: users.active ?? '', parts: noParts }, place: { id: '', domain: '' } };
  for (const { label, json } of allFormsOf(method.input)) {
    yield { label, json: filled(access, json, [...idPlaces(method.input, json)], subject).json };
  }
}

describe.each(onSessions.map((method) => [method.name, method] as const))('%s', (_, method) => {
  const takesToken = accessOf(method)?.on === 'session' && method.name !== 'SetSession';
  const tokens: Record<string, (id: string) => string | undefined> = {
    'no token': () => undefined,
    'a wrong token': () => 'roster_session_wrong',
    'the token of another': (id) => sessionTokenOf(`${id}-other`),
    // It proves nothing there.
    ...(takesToken ? {} : { 'its token': sessionTokenOf }),
  };

  test.each(Object.keys(tokens))('with %s, every session is one that nobody knows', async (kind) => {
    for (const [caller, actor] of Object.entries(callers)) {
      for (const protocol of protocolsOf(caller)) {
        for (const { label, json } of formsOn(method)) {
          // What else a request holds is not looked at: once is enough to see that.
          if (label !== '' && (protocol !== 'connect' || kind !== 'no token')) continue;
          const asked = Object.values(sessions).map((id) => {
            const { sessionToken: _, ...rest } = withId(json, ['sessionId'], id);
            const token = tokens[kind]?.(id);
            return ask(method, { ...rest, ...(token !== undefined && { sessionToken: token }) }, actor, protocol);
          });
          const [first, ...others] = await Promise.all(asked);
          if (protocol === 'connect' && label === '' && first) expect(outcomeOf(first)).toBe('not_found SESSION_NOT_FOUND');
          expect(others.map(printOf), `${caller}, ${protocol}, ${label}`).toEqual(others.map(() => first && printOf(first)));
        }
      }
    }
    expect(await memory.undo()).toEqual([]);
  });
});

test('who may not open sessions is told the same, whomever he names and whatever he brings', async () => {
  const method = SessionService.method.createSession;
  const secrets = [{}, { password: { password } }, { password: { password: 'Wrong-Wort-1' } }, { totp: { code: '000000' } }];
  for (const [caller, actor] of Object.entries(callers)) {
    for (const protocol of protocolsOf(caller)) {
      const asked = Object.values(users).flatMap((userId) => secrets.map((rest) => ({ checks: { user: { userId }, ...rest } })));
      const answers = await Promise.all(asked.map((json) => ask(method, json, actor, protocol)));
      expect(new Set(answers.map(printOf)), `${caller}, ${protocol}`).toHaveLength(1);
      if (protocol === 'connect') expect(answers.slice(0, 1).map(outcomeOf)).toEqual(['permission_denied PERMISSION_DENIED']);
    }
  }
  expect(await memory.undo()).toEqual([]);
});
