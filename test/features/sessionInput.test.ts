// What no call of a session may do, whatever is in it: be a fault of the server, or leave a trace.
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createHuman } from '../support/actors.ts';
import { brokenFields, outcome } from '../support/errors.ts';
import { type Memory, remember } from '../support/isolation/memory.ts';
import { invalid, post, unreadable } from '../support/rawCalls.ts';
import { startServer, type TestServer } from '../support/server.ts';
import {
  byId,
  byName,
  type Change,
  type Checks,
  createPerson,
  loginOf,
  openSession,
  passkeyWanted,
  register,
  type Sessions,
} from '../support/signIn.ts';

const broken = 'InvalidArgument INVALID_REQUEST';
const tooLarge = 'InvalidArgument SESSION_METADATA_TOO_LARGE';
const longest = 2n ** 63n - 1n;

let server: TestServer;
let sessions: Sessions;
/** Of somebody with a passkey, whose answer is awaited. */
let sessionId: string;

beforeAll(async () => {
  server = await startServer();
  sessions = await loginOf(server);
  const { userId } = await createPerson(server);
  await register(server, userId, 'passkey');
  sessionId = await openSession(sessions, userId, { challenges: { webAuthN: passkeyWanted } });
});

const bytes = (length: number) => new Uint8Array(length).fill(7);
const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, bytes(1)]));
/** How both calls end. */
const both = async (change: Change) => [
  await outcome(sessions.createSession(change)),
  await outcome(sessions.setSession({ sessionId, ...change })),
];

describe('leaves no trace:', () => {
  let memory: Memory;

  beforeAll(async () => {
    memory = await remember(server.sql);
  });

  afterEach(async () => {
    expect(await memory.undo()).toEqual([]);
  });

  test.each<[string, Change['lifetime'], string]>([
    ['zero', { seconds: 0n }, broken],
    ['negative', { seconds: -1n }, broken],
    ['negative by a nanosecond', { nanos: -1 }, broken],
    ['the least', { seconds: -longest - 1n }, broken],
    ['of a second less than its nanoseconds', { seconds: -1n, nanos: 999_999_999 }, broken],
    ['the most', { seconds: longest, nanos: 999_999_999 }, 'InvalidArgument LIFETIME_TOO_LONG'],
    ['the most that a duration may hold', { seconds: 315_576_000_000n }, 'InvalidArgument LIFETIME_TOO_LONG'],
    ['of a millisecond beyond the year 9999', beyond(0), 'InvalidArgument LIFETIME_TOO_LONG'],
  ])('a lifetime that is %s', async (_, lifetime, told) => {
    expect(await both({ lifetime })).toEqual([told, told]);
    expect(await brokenFields(sessions.createSession({ lifetime }))).toEqual(['lifetime']);
  });

  test.each<[string, Record<string, Uint8Array>]>([
    ['ten thousand keys', keys(10_000)],
    ['a hundred and one keys', keys(101)],
    ['a value of a megabyte', { k: bytes(1_000_000) }],
    ['a value of a byte too much', { k: bytes(500_001) }],
    ['a key of 201 characters', { ['k'.repeat(201)]: bytes(1) }],
    ['a key of 201 emoji', { ['🦉'.repeat(201)]: bytes(1) }],
    ['an empty key', { '': bytes(1) }],
    ['an empty key to be removed', { '': bytes(0) }],
  ])('metadata with %s', async (_, metadata) => {
    expect(await both({ metadata })).toEqual([tooLarge, tooLarge]);
    expect(await brokenFields(sessions.setSession({ sessionId, metadata }))).toEqual(['metadata']);
  });

  const text = (escaped: string) => `a${escaped}b`;
  test.each([
    ['metadata', (bad: string) => `"metadata": {"${bad}": "YQ=="}`],
    ['a fingerprint', (bad: string) => `"userAgent": {"fingerprintId": "${bad}"}`],
    ['an address', (bad: string) => `"userAgent": {"ip": "${bad}"}`],
    ['a description', (bad: string) => `"userAgent": {"description": "${bad}"}`],
    ["a header's name", (bad: string) => `"userAgent": {"header": {"${bad}": {"values": ["x"]}}}`],
    ["a header's value", (bad: string) => `"userAgent": {"header": {"x": {"values": ["${bad}"]}}}`],
    ['a login name', (bad: string) => `"checks": {"user": {"loginName": "${bad}"}}`],
    ['a password', (bad: string) => `"checks": {"password": {"password": "${bad}"}}`],
    ['an assertion', (bad: string) => `"checks": {"webAuthN": {"credentialAssertionData": {"id": "${bad}"}}}`],
    ["an assertion's key", (bad: string) => `"checks": {"webAuthN": {"credentialAssertionData": {"x": {"${bad}": 1}}}}`],
    ['a code', (bad: string) => `"checks": {"otpEmail": {"code": "${bad}"}}`],
    ['a domain', (bad: string) => `"challenges": {"webAuthN": {"domain": "${bad}", "userVerificationRequirement": 1}}`],
  ])('%s with NUL, or half a surrogate pair', async (_, field) => {
    const send = (escaped: string) =>
      post(server, '/zitadel.session.v2.SessionService/CreateSession', `{${field(text(escaped))}}`);
    expect(await send('\\u0000')).toBe(invalid);
    expect([invalid, unreadable]).toContain(await send('\\ud83e'));
    expect([invalid, unreadable]).toContain(await send('\\udd89'));
  });

  const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
  test.each([1000, 100_000])('an assertion nested %i deep', async (depth) => {
    const body = `{"sessionId": "${sessionId}", "checks": {"webAuthN": {"credentialAssertionData": ${nested(depth)}}}}`;
    expect(await post(server, '/zitadel.session.v2.SessionService/SetSession', body)).toBe(unreadable);
  });

  test.each<[string, Change]>([
    ['a user without a name', { checks: { user: {} } }],
    ['an empty password', { checks: { password: { password: '' } } }],
    ['a password of 201 characters', { checks: { password: { password: 'p'.repeat(201) } } }],
    ['a login name of 201 characters', { checks: { user: byName('n'.repeat(201)) } }],
    ['an intent without id', { checks: { idpIntent: { idpIntentId: '', idpIntentToken: 't' } } }],
    ['a TOTP code of five digits', { checks: { totp: { code: '12345' } } }],
    ['an empty code by e-mail', { checks: { otpEmail: { code: '' } } }],
    ['a recovery code of 201 characters', { checks: { recoveryCode: { code: '0'.repeat(201) } } }],
    ['no assertion', { checks: { webAuthN: {} } }],
    ['no domain', { challenges: { webAuthN: { ...passkeyWanted, domain: '' } } }],
    ['no requirement', { challenges: { webAuthN: { domain: 'example.com' } } }],
    ['an empty template', { challenges: { otpEmail: template('') } }],
  ])('%s', async (_, change) => {
    expect(await both(change)).toEqual([broken, broken]);
  });

  test.each([
    'javascript:alert(1)',
    'http://example.com/{{.Code}}',
    'https://a@example.com/',
    '{{.Code}}',
    'https://e.com/{{.Nobody}}',
  ])('the template %s, before anything is looked up', async (urlTemplate) => {
    const change = { checks: { user: byId('nobody') }, challenges: { otpEmail: template(urlTemplate) } };
    const told = 'InvalidArgument URL_TEMPLATE_INVALID';
    expect(await both(change)).toEqual([told, told]);
    const call = sessions.createSession(change);
    expect(await brokenFields(call)).toEqual(['challenges.otp_email.send_code.url_template']);
  });

  test.each([
    '\u202e'.repeat(200),
    '🦉'.repeat(200),
    '\ufdfa'.repeat(200),
    'İ'.repeat(200),
    "' or 1=1 --",
    '%',
    ' ',
    '\ufffd',
    '\u0301'.repeat(200),
  ])('the login name %j', async (name) => {
    expect(await outcome(sessions.createSession({ checks: { user: byName(name) } }))).toBe('NotFound USER_NOT_FOUND');
  });
});

const good = {
  id: 'AAAA',
  rawId: 'AAAA',
  type: 'public-key',
  response: { clientDataJSON: 'e30', authenticatorData: 'AAAA', signature: 'AAAA' },
};
const withResponse = (response: JsonValue): JsonObject => ({ ...good, response });
test.each<[string, JsonObject]>([
  ['nothing', {}],
  ['numbers for texts', { ...good, id: 1, rawId: 1 }],
  ['lists for texts', { ...good, id: ['AAAA'], rawId: ['AAAA'] }],
  ['null for texts', { ...good, id: null, rawId: null }],
  ['two ids', { ...good, rawId: 'AAAB' }],
  ['another type', { ...good, type: 'password' }],
  ['a list for the response', withResponse([good.response])],
  ['a text for the response', withResponse('x')],
  ['an object for the signature', withResponse({ ...good.response, signature: {} })],
  ['what is not base64url', withResponse({ ...good.response, signature: '+/==' })],
  ['a signature of a megabyte', withResponse({ ...good.response, signature: 'A'.repeat(1_000_000) })],
  ['an id of a megabyte', { ...good, id: 'A'.repeat(1_000_000), rawId: 'A'.repeat(1_000_000) }],
  ['objects in objects', withResponse(Array.from({ length: 40 }).reduce<JsonObject>((inner) => ({ a: inner }), {}))],
  ['a number for the user handle', withResponse({ ...good.response, userHandle: 7 })],
  ['a hundred thousand fields', { ...good, ...Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`f${n}`, n])) }],
])('an assertion of %s is refused for what it is', async (_, credentialAssertionData) => {
  const call = sessions.setSession({ sessionId, checks: { webAuthN: { credentialAssertionData } } });
  expect(await outcome(call)).toMatch(/^InvalidArgument (INVALID_REQUEST|WEBAUTHN_UNREADABLE|WEBAUTHN_CREDENTIAL_UNKNOWN)$/);
  expect(await brokenFields(call)).toEqual(['checks.web_auth_n.credential_assertion_data']);
});

test('what is as large as it may be is kept', async () => {
  const metadata = { ['🦉'.repeat(200)]: bytes(500_000), ...keys(99) };
  const userAgent = {
    fingerprintId: '🦉'.repeat(10_000),
    description: 'd'.repeat(100_000),
    header: Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`h${n}`, { values: ['x'.repeat(100)] }])),
  };
  const { sessionId: id } = await sessions.createSession({ metadata, userAgent, lifetime: beyond(-1) });
  const { session } = await sessions.getSession({ sessionId: id });
  expect(session?.expirationDate).toMatchObject({ seconds: 253_402_300_799n, nanos: 999_000_000 });
  expect(session?.userAgent).toMatchObject(userAgent);
  const sizes = (of: Record<string, Uint8Array> = {}) =>
    Object.entries(of)
      .map(([key, value]) => `${key} ${value.length}`)
      .sort();
  expect(sizes(session?.metadata)).toEqual(sizes(metadata));
  const found = await sessions.listSessions({
    queries: [{ query: { case: 'idsQuery', value: { ids: [id] } } }],
  });
  expect(found.sessions).toHaveLength(1);
});

test('a lifetime of a nanosecond is one of a millisecond', async () => {
  const { sessionId: id } = await sessions.createSession({ lifetime: { nanos: 1 } });
  const { session } = await sessions.getSession({ sessionId: id });
  expect(session?.expirationDate?.nanos).toBe(1_000_000);
});

test('names that every object has are names like any other', async () => {
  const odd = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
  const entries = <T>(value: T) => Object.fromEntries(odd.map((name) => [name, value]));
  const { sessionId: id } = await sessions.createSession({
    metadata: entries(bytes(1)),
    userAgent: { header: entries({ values: ['v'] }) },
  });
  const { session } = await sessions.getSession({ sessionId: id });
  expect(Object.keys(session?.metadata ?? {}).sort()).toEqual([...odd].sort());
  expect(Object.keys(session?.userAgent?.header ?? {}).sort()).toEqual([...odd].sort());
  await sessions.setSession({ sessionId: id, metadata: entries(bytes(0)) });
  expect((await sessions.getSession({ sessionId: id })).session?.metadata).toEqual({});
});

test('checks that contradict each other are refused', async () => {
  const another = await createHuman(server);
  const checks: Checks = { user: byId(another), password: { password: 'of whomever' } };
  expect(await both({ checks })).toEqual(['FailedPrecondition PASSWORD_NOT_SET', 'InvalidArgument SESSION_USER_DIFFERENT']);
});

function template(urlTemplate: string) {
  return { deliveryType: { case: 'sendCode', value: { urlTemplate } } } as const;
}

/** A lifetime that ends so many milliseconds after the year 9999. */
function beyond(milliseconds: number) {
  const ms = Date.UTC(10_000) - Date.UTC(2026, 0, 1, 12) + milliseconds;
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1e6 };
}
