// Every served method, with every id that it takes, for everybody: allowed or refused exactly as declared. All of it
// comes from the definitions: a new method, or a new field, is in the matrix without a word here.
import { type DescMethod, fromJson, toBinary, toJsonString } from '@bufbuild/protobuf';
import { createConnectRouter } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UserService } from '../gen/zitadel/user/v2/user_service_pb.ts';
import { TryLimits } from '../src/kernel/networks.ts';
import { accessOf } from '../src/server/access.ts';
import { serveDeclared, services } from '../src/server/routes.ts';
import { type Asked, allUnknown, filled } from './support/isolation/choices.ts';
import { formsOf } from './support/isolation/forms.ts';
import { idFieldsOf, idPlaces } from './support/isolation/ids.ts';
import { checkMethod, type Matrix, pathOf, type Served } from './support/isolation/matrix.ts';
import { remember } from './support/isolation/memory.ts';
import { openWire, printOf, protocols, statusOf } from './support/isolation/wire.ts';
import { createWorld, type Stranger } from './support/isolation/world.ts';
import { startServer, type TestServer } from './support/server.ts';

const methods = services.flatMap((service) => service.methods);
const served: Served[] = methods.flatMap((method) => {
  const access = accessOf(method);
  return access ? [{ method, access }] : [];
});

/** The requests that the rules accept and the service cannot do, even for the owner. */
const failing: Record<string, Record<string, string>> = {
  ListUsers: {
    'queries.and_query': 'invalid_argument QUERY_EMPTY',
    'queries.or_query': 'invalid_argument QUERY_EMPTY',
    'queries.not_query': 'invalid_argument QUERY_EMPTY',
  },
  UpdateUser: {
    '': 'unimplemented NOT_IMPLEMENTED',
    'human.password': 'invalid_argument PASSWORD_EMPTY',
  },
  UpdateHumanUser: { password: 'invalid_argument PASSWORD_EMPTY' },
  AddIDPLink: { '': 'failed_precondition PROVIDER_UNKNOWN' },
  ListProviders: { queries: 'invalid_argument QUERY_EMPTY' },
  UpdateJWTProvider: {
    '': 'invalid_argument PROVIDER_URL_INVALID',
    provider_options: 'invalid_argument PROVIDER_URL_INVALID',
    'provider_options.plain': 'invalid_argument PROVIDER_URL_INVALID',
  },
  AddSAMLProvider: { metadata_url: 'invalid_argument PROVIDER_METADATA_INVALID' },
  UpdateSAMLProvider: { metadata_url: 'invalid_argument PROVIDER_METADATA_INVALID' },
  StartIdentityProviderIntent: {
    '': 'unimplemented NOT_IMPLEMENTED',
    ldap: 'failed_precondition PROVIDER_NOT_DIRECTORY',
  },
  SetPassword: { '': 'invalid_argument PASSWORD_EMPTY' },
  GenerateRecoveryCodes: { '': 'invalid_argument INVALID_REQUEST' },
  // What was asked for is answered in a later call, and no identity provider is there to have an intent of.
  CreateSession: {
    'checks.web_auth_n': 'failed_precondition CHALLENGE_ABSENT',
    'checks.idp_intent': 'failed_precondition INTENT_OF_ANOTHER',
    'checks.otp_sms': 'failed_precondition OTP_ABSENT',
    'checks.otp_email': 'failed_precondition OTP_ABSENT',
  },
  SetSession: { 'checks.idp_intent': 'failed_precondition INTENT_OF_ANOTHER' },
  ListSessions: { 'queries.user_agent_query': 'invalid_argument QUERY_EMPTY' },
  SetUserMetadata: { '': 'failed_precondition METADATA_LIST_EMPTY' },
  AddOrganization: {
    admins: 'invalid_argument ADMIN_MISSING',
  },
};

let matrix: Matrix;

beforeAll(async () => {
  // However much is asked: nobody has to wait.
  const server = await startServer({ env: { ROSTER_TRIES_PER_NETWORK: '1000000' } });
  server.app.codeTryLimits = new TryLimits(1_000_000);
  server.app.sendLimits = new TryLimits(1_000_000);
  server.app.challengeLimits = new TryLimits(1_000_000);
  const world = await createWorld(server);
  await forgetTries(server);
  matrix = { world, memory: await remember(server.sql), wire: openWire(server.address), turns: 0 };
});

afterAll(() => matrix.wire.close());

/** So that nobody has to wait after the many tries here: each is counted, and forgotten when its transaction ends. */
const forgetTries = ({ sql }: TestServer) =>
  sql.unsafe(`
  create function forget() returns trigger language plpgsql as
    $$ begin delete from guesses where user_id = new.user_id and kind = new.kind; return null; end $$;
  create constraint trigger forget after insert or update on guesses deferrable initially deferred
    for each row execute function forget()`);

/** Where being the user is enough, or having made the session: a list to be lengthened with care. */
const open = new Set([
  ...['GetUserByID', 'UpdateUser', 'UpdateHumanUser', 'ListUserMetadata'],
  ...['SetEmail', 'ResendEmailCode', 'SendEmailCode', 'SetPhone', 'ResendPhoneCode', 'RemovePhone'],
  ...['PasswordReset', 'CreateInviteCode', 'ResendInviteCode', 'HumanMFAInitSkipped'],
  ...['CreatePasskeyRegistrationLink', 'ListPasskeys', 'RemovePasskey', 'RegisterU2F', 'RemoveU2F'],
  ...['RegisterTOTP', 'VerifyTOTPRegistration', 'RemoveTOTP', 'AddOTPSMS', 'RemoveOTPSMS', 'AddOTPEmail', 'RemoveOTPEmail'],
  ...['AddIDPLink', 'ListIDPLinks', 'RemoveIDPLink'],
  ...['GenerateRecoveryCodes', 'RemoveRecoveryCodes', 'ListAuthenticationMethodTypes', 'ListAuthenticationFactors'],
  ...['GetSession', 'DeleteSession'],
]);

test('the declarations are what the names of the methods promise', () => {
  const right = ({ name }: DescMethod): RegExp => {
    if (/^(Get|List)/.test(name)) return /\.read$/;
    if (/^(Delete(User|Session)|Remove(Org|IAM)Member)$/.test(name)) return /\.delete$/;
    return name === 'AddOrganization' ? /^org\.create$/ : /\.write$/;
  };
  const broken = served.filter(({ method, access }) => {
    if (access.on === 'nothing') return true;
    if (access.on === 'token' || access.on === 'proof') return false;
    const isOpen = (access.on === 'user' && access.self) || (access.on === 'session' && access.own);
    return !right(method).test(access.permission) || isOpen !== open.has(method.name);
  });
  expect(broken.map(({ method }) => method.name)).toEqual([]);
});

describe('everybody is told what is declared, and what is refused changes nothing', () => {
  for (const one of served) {
    test(one.method.toString(), { timeout: 300_000 }, async () => {
      const report = await checkMethod(matrix, one);
      expect(report.problems).toEqual([]);
      expect(report.failing).toEqual(failing[one.method.name] ?? {});
      expect(report.succeeded, 'the owner gets some request through').toBe(true);
      expect(report.changed, 'a write changes something, a read nothing').toBe(!/^(Get|List|Retrieve)/.test(one.method.name));
      expect(report.fields, 'every id field was asked with').toEqual(idFieldsOf(one.method.input));
    });
  }
});

/** Each was asked with each method before: here it is whoever brings no token, and another one in turn. */
function someOf(strangers: readonly Stranger[]): Stranger[] {
  const next = ++matrix.turns % strangers.length;
  return strangers.filter((_, index) => index === 0 || index === next);
}

test('who somebody is never comes from the message: without a token that counts there is no answer to any', async () => {
  const { world, wire, memory } = matrix;
  const { owner, mine, strangers } = world;
  if (!owner.person) throw new Error('the owner is nobody');
  const noise = Buffer.from(Array.from({ length: 64 }, (_, index) => (index * 167 + 13) % 256));
  const answered: string[] = [];
  for (const { method, access } of served.filter(({ access }) => access.on !== 'nothing')) {
    const [smallest] = formsOf(method.input);
    if (!smallest) continue;
    const places = [...idPlaces(method.input, smallest.json)];
    const message = fromJson(method.input, filled(access, smallest.json, places, { user: owner.person, place: mine }).json);
    // Where the body says whom to load beside the caller, one that cannot be read is told so to whoever brings a token.
    const readFirst = access.on === 'user' && access.loaded === true;
    for (const protocol of protocols) {
      const valid =
        protocol === 'connect-json' ? Buffer.from(toJsonString(method.input, message)) : toBinary(method.input, message);
      const bodies = Object.entries({ valid, noise, nothing: Buffer.alloc(0) });
      const asked = bodies.flatMap(([kind, body]) => someOf(strangers).map((caller) => ({ caller, kind, body })));
      const answers = asked.map(async ({ caller: { name, authorization, refused }, kind, body }) => {
        const status = statusOf(await wire.send({ path: pathOf(method), headers: { authorization }, body, protocol }), protocol);
        const unread = readFirst && kind !== 'valid' && status !== 0 && authorization?.startsWith('Bearer ');
        const right = refused.startsWith('permission_denied ') ? permissionDenied : unauthenticated;
        if (status !== right && !unread) answered.push(`${method.name} ${protocol} ${kind} ${name}: ${status}`);
      });
      await Promise.all(answers);
    }
  }
  expect(answered).toEqual([]);
  expect(await memory.undo()).toEqual([]);
});

test('over every protocol, a user or a session that the caller may not read is one that does not exist', async () => {
  const { theirs, callers } = matrix.world;
  const [nobody] = callers;
  const different: string[] = [];
  for (const { method, access } of served.filter(({ access }) => access.on === 'user' || access.on === 'session')) {
    const [{ json } = { json: {} }] = formsOf(method.input);
    const places = [...idPlaces(method.input, json)];
    for (const protocol of protocols) {
      const tell = async (asked: Asked) => {
        const message = fromJson(method.input, asked.json);
        const body =
          protocol === 'connect-json' ? Buffer.from(toJsonString(method.input, message)) : toBinary(method.input, message);
        const headers = { authorization: nobody?.authorization };
        return printOf(await matrix.wire.send({ path: pathOf(method), headers, body, protocol }));
      };
      const hidden = await tell(filled(access, json, places, { user: theirs.people.human, place: theirs }));
      const unknown = await tell(allUnknown(access, json, places));
      if (hidden !== unknown) different.push(`${method.name} ${protocol}: ${hidden} in place of ${unknown}`);
    }
  }
  expect(different).toEqual([]);
});

const permissionDenied = 7;
const unauthenticated = 16;

test('a method without a declaration keeps the server from starting', () => {
  const serve = (name: string) => () => serveDeclared(createConnectRouter(), UserService, { [name]: () => ({}) });
  expect(serve('listNothing')).toThrow('listNothing');
  expect(serve('getUserByID')).not.toThrow();
});
