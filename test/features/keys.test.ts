import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { TimestampFilterMethod } from '../../gen/zitadel/filter/v2/filter_pb.ts';
import { KeyFieldName, type KeysSearchFilterSchema } from '../../gen/zitadel/user/v2/key_pb.ts';
import type { ListKeysRequestSchema } from '../../gen/zitadel/user/v2/user_service_pb.ts';
import {
  createHuman,
  createInstanceManager,
  createMachine,
  createManager,
  createOrganization,
  createStranger,
  grant,
} from '../support/actors.ts';
import { brokenFields, outcome } from '../support/errors.ts';
import { rsaPublicKey } from '../support/rsa.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';

type Filter = MessageInitShape<typeof KeysSearchFilterSchema>;

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});

afterEach(() => server.setTime(epoch));

const minutes = (n: number) => new Date(epoch.getTime() + n * 60_000);
const publicKey = Buffer.from(rsaPublicKey());
const addTo = (userId: string, { expiry = minutes(60), key = publicKey, as = server.as() }: Partial<Given> = {}) =>
  as.users.addKey({ userId, publicKey: key, expirationDate: timestampFromDate(expiry) });

interface Given {
  expiry: Date;
  key: Buffer;
  as: Clients;
}

const none = Buffer.alloc(0);
const storedKey = async (keyId: string) => {
  const [row] = await server.sql<{ der: Buffer }[]>`select public_key as der from machine_keys where id = ${keyId}`;
  return row?.der;
};

describe('a key', () => {
  test('is a pair of RSA, of which the private part is told once, in the file that clients read, and kept nowhere', async () => {
    const userId = await createMachine(server);
    const { keyId, keyContent, creationDate } = await addTo(userId, { key: none });
    expect(keyId).toMatch(/^\d{18}$/);
    expect(creationDate && timestampDate(creationDate)).toEqual(epoch);
    const file = JSON.parse(Buffer.from(keyContent).toString());
    const key = expect.stringMatching(/^-----BEGIN RSA PRIVATE KEY-----\n[\w+/=\n]+-----END RSA PRIVATE KEY-----\n$/);
    expect(file).toEqual({ type: 'serviceaccount', keyId, key, expirationDate: minutes(60).toISOString(), userId });
    const der = await storedKey(keyId);
    const known = createPublicKey({ key: der ?? none, type: 'spki', format: 'der' });
    expect(known.asymmetricKeyDetails).toEqual({ modulusLength: 2048, publicExponent: 65_537n });
    const signature = sign('sha256', Buffer.from('claims'), file.key);
    expect(verify('sha256', Buffer.from('claims'), known, signature)).toBe(true);
    const stored = await server.sql<
      { text: string }[]
    >`select encode(k.public_key, 'escape') || k::text as text from machine_keys k
      union all select e::text from user_events e`;
    const texts = stored.map(({ text }) => text).join();
    expect(texts).toContain(keyId);
    expect(texts).not.toContain('PRIVATE');
    expect(await outcome(addTo(userId, { key: Buffer.from(file.key) }))).toBe('InvalidArgument PUBLIC_KEY_INVALID');
  });

  test('is whatever public key the caller gives: then there is no private one to tell', async () => {
    const userId = await createMachine(server);
    for (const bits of [2048, 8192]) {
      const pem = rsaPublicKey(bits);
      for (const given of [pem, `\n ${pem.replaceAll('\n', '\r\n')}\n`]) {
        const { keyId, keyContent } = await addTo(userId, { key: Buffer.from(given) });
        expect(keyContent).toHaveLength(0);
        expect(await storedKey(keyId)).toEqual(createPublicKey(pem).export({ type: 'spki', format: 'der' }));
      }
    }
  });

  test('ends when it is removed, and with the machine', async () => {
    const userId = await createMachine(server);
    const [gone, kept] = [await addTo(userId), await addTo(userId)];
    const remove = () => server.as().users.removeKey({ userId, keyId: gone.keyId });
    const { deletionDate } = await remove();
    expect(deletionDate && timestampDate(deletionDate)).toEqual(epoch);
    expect([await storedKey(gone.keyId), await storedKey(kept.keyId)]).toEqual([undefined, expect.any(Buffer)]);
    expect(await outcome(remove())).toBe('NotFound KEY_NOT_FOUND');
    const events = await server.sql`select type, payload from user_events where user_id = ${userId} order by sequence`;
    expect(events).toEqual([
      { type: 'user.created', payload: {} },
      { type: 'key.added', payload: { keyId: gone.keyId } },
      { type: 'key.added', payload: { keyId: kept.keyId } },
      { type: 'key.removed', payload: { keyId: gone.keyId } },
    ]);
    await server.as().users.deleteUser({ userId });
    expect(await storedKey(kept.keyId)).toBeUndefined();
  });

  test('is removed once, however many ask at the same time, and nobody removes that of another machine', async () => {
    const [userId, other] = [await createMachine(server), await createMachine(server)];
    const { keyId } = await addTo(userId);
    const remove = (userId: string) => outcome(server.as().users.removeKey({ userId, keyId }));
    expect(await remove(other)).toBe('NotFound KEY_NOT_FOUND');
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => remove(userId)));
    expect(outcomes.toSorted()).toEqual([...Array.from({ length: 9 }, () => 'NotFound KEY_NOT_FOUND'), 'ok']);
  });

  test('may be of a machine that may not act', async () => {
    const [inactive, locked] = [await createMachine(server), await createMachine(server)];
    await server.as().users.deactivateUser({ userId: inactive });
    await server.as().users.lockUser({ userId: locked });
    for (const userId of [inactive, locked]) expect(await outcome(addTo(userId))).toBe('ok');
  });
});

describe('adding and removing a key', () => {
  const both = async (as: Clients, userId: string, keyId = '404', key = publicKey) => [
    await outcome(addTo(userId, { as, key })),
    await outcome(as.users.removeKey({ userId, keyId })),
  ];

  test('needs an expiry in the future', async () => {
    const userId = await createMachine(server);
    for (const expiry of [epoch, new Date(epoch.getTime() - 1), new Date(0)]) {
      expect(await outcome(addTo(userId, { expiry }))).toBe('InvalidArgument EXPIRATION_PAST');
      expect(await brokenFields(addTo(userId, { expiry }))).toEqual(['expiration_date']);
    }
    expect(await outcome(addTo('404', { expiry: epoch }))).toBe('InvalidArgument EXPIRATION_PAST');
    for (const expiry of [new Date(epoch.getTime() + 1), new Date('9999-12-31T23:59:59Z')]) {
      expect(await outcome(addTo(userId, { expiry }))).toBe('ok');
    }
    const { users } = server.as();
    expect(await brokenFields(users.addKey({ userId, publicKey }))).toEqual(['expiration_date']);
    const beyond = users.addKey({ userId, publicKey, expirationDate: { seconds: 253_402_300_800n } });
    expect(await outcome(beyond)).toBe('InvalidArgument INVALID_REQUEST');
  });

  const pem = publicKey.toString();
  const [head = '', ...lines] = pem.trimEnd().split('\n');
  const tail = lines.pop() ?? '';
  const base64 = lines.join('');
  const der = Buffer.from(base64, 'base64');
  const block = (bytes: Buffer | string, label = 'PUBLIC KEY') =>
    `-----BEGIN ${label}-----\n${typeof bytes === 'string' ? bytes : bytes.toString('base64')}\n-----END ${label}-----\n`;
  const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const edwards = generateKeyPairSync('ed25519');
  const spki = { type: 'spki', format: 'pem' } as const;
  // Of RSA-PSS, whose parameters come with the key: the algorithm's number ends in another byte.
  const pss = Buffer.from(der);
  pss[der.indexOf('2a864886f70d010101', 'hex') + 8] = 0x0a;

  const broken: Record<string, [string, string | Buffer][]> = {
    'not one block of PEM': [
      ['noise', Buffer.from(Array.from({ length: 300 }, (_, at) => (at * 167 + 13) % 256))],
      ['a space', ' '],
      ['DER', der],
      ['its base64 alone', base64],
      ['without an end', pem.replace(tail, '')],
      ['without a beginning', pem.replace(head, '')],
      ['with a character that base64 has not', pem.replace('A', '_')],
      ['with headers', pem.replace('\n', '\nProc-Type: 4,ENCRYPTED\n\n')],
      ['with text before it', `key: ${pem}`],
      ['twice', pem + pem],
      ['under the label of PKCS #1', pem.replaceAll('PUBLIC', 'RSA PUBLIC')],
      ['under the label of a certificate', pem.replaceAll('PUBLIC KEY', 'CERTIFICATE')],
      ['under the label of a private key', pem.replaceAll('PUBLIC', 'PRIVATE')],
      ['a private key', elliptic.privateKey.export({ type: 'pkcs8', format: 'pem' })],
      ['in UTF-16', Buffer.from(pem, 'utf16le')],
    ],
    'not in base64': [['with base64 behind its end', block(`${base64}=AAAA`)]],
    'not an RSA key': [
      ['an empty block', block('')],
      ['a block of noise', block('AAAA'.repeat(100))],
      ['a private key under the label of a public one', block(elliptic.privateKey.export({ type: 'pkcs8', format: 'der' }))],
      ['of an elliptic curve', elliptic.publicKey.export(spki)],
      ['of an Edwards curve', edwards.publicKey.export(spki)],
      ['of RSA-PSS', block(pss)],
    ],
    'holds no public key': [['cut short', [head, base64.slice(0, -40), tail].join('\n')]],
    'not in DER': [['with a byte behind the key', block(Buffer.concat([der, Buffer.alloc(1)]))]],
    bits: [
      ['of 1024 bits', rsaPublicKey(1024)],
      ['of 2040 bits', rsaPublicKey(2040)],
      ['of 8200 bits', rsaPublicKey(8200)],
      ['of 16384 bits', rsaPublicKey(16_384)],
    ],
    exponent: [
      ['with the exponent 1', rsaPublicKey(2048, 1n)],
      ['with the exponent 3', rsaPublicKey(2048, 3n)],
      ['with an even exponent', rsaPublicKey(2048, 65_538n)],
      ['with an exponent of 32 bits', rsaPublicKey(2048, 2n ** 31n + 1n)],
    ],
    'more than 4096 bytes': [
      ['of 4097 bytes', pem.padEnd(4097)],
      ['of 1 MiB', pem.padEnd(1024 * 1024)],
    ],
  };

  test.each(Object.entries(broken))('takes no public key of which it says: %s', async (problem, cases) => {
    for (const [name, given] of cases) {
      const add = () => addTo('404', { key: Buffer.from(given) });
      expect([name, await outcome(add())]).toEqual([name, 'InvalidArgument PUBLIC_KEY_INVALID']);
      expect([name, await brokenFields(add())]).toEqual([name, ['public_key']]);
      expect([name, await add().catch(String)]).toEqual([name, expect.stringContaining(problem)]);
    }
    expect(await outcome(addTo('404', { key: Buffer.from(pem.padEnd(4096)) }))).toBe('FailedPrecondition USER_UNKNOWN');
  });

  test('is for machines', async () => {
    const userId = await createHuman(server);
    expect(await both(server.as(), userId)).toEqual(['FailedPrecondition USER_NOT_MACHINE', 'NotFound KEY_NOT_FOUND']);
    expect(await outcome(addTo(userId, { key: none }))).toBe('FailedPrecondition USER_NOT_MACHINE');
  });

  test('is for those with user.write who have all rights of the machine', async () => {
    const organizationId = await createOrganization(server);
    const as = (role: string) => createManager(server, [role], organizationId);
    const [owner, manager, viewer] = [await as('ORG_OWNER'), await as('ORG_USER_MANAGER'), await as('ORG_OWNER_VIEWER')];
    const machine = await createMachine(server, { organizationId });
    const instanceOwner = await createMachine(server, { organizationId });
    await grant(server, instanceOwner, ['IAM_OWNER']);
    const stranger = await createStranger(server);
    const { keyId } = await addTo(stranger.id);
    const twice = (told: string) => [told, told];
    const [hidden, denied, higher] = [
      'NotFound USER_NOT_FOUND',
      'PermissionDenied PERMISSION_DENIED',
      'PermissionDenied HIGHER_RIGHTS',
    ];
    expect(await both(manager, machine)).toEqual(['ok', 'NotFound KEY_NOT_FOUND']);
    expect(await both(manager, manager.id)).toEqual(['ok', 'NotFound KEY_NOT_FOUND']);
    expect(await both(server.as(), '404')).toEqual(['FailedPrecondition USER_UNKNOWN', hidden]);
    // Whether a pair is to be made or not: it is not made for those who may not add it.
    for (const key of [publicKey, none]) {
      expect(await both(manager, '404', keyId, key)).toEqual(twice(hidden));
      expect(await both(manager, stranger.id, keyId, key)).toEqual(twice(hidden));
      expect(await both(viewer, machine, keyId, key)).toEqual(twice(denied));
      expect(await both(stranger, stranger.id, keyId, key)).toEqual(twice(denied));
      expect(await both(manager, owner.id, keyId, key)).toEqual(twice(higher));
      expect(await both(owner, instanceOwner, keyId, key)).toEqual(twice(higher));
      expect(await both(server.as(''), machine, keyId, key)).toEqual(twice('Unauthenticated UNAUTHENTICATED'));
    }
    expect(await outcome(server.as().users.removeKey({ userId: machine, keyId: '' }))).toBe('InvalidArgument INVALID_REQUEST');
  });

  test('makes pairs one after another, and turns away who would wait too long; who may not add one takes no turn', async () => {
    const viewer = await createInstanceManager(server, ['IAM_OWNER_VIEWER']);
    const userId = await createMachine(server);
    const [waiting, more] = [20, 4];
    const add = (as: Clients) => outcome(addTo(userId, { key: none, as }));
    const denied = await Promise.all(Array.from({ length: 1 + waiting + more }, () => add(viewer)));
    expect(new Set(denied)).toEqual(new Set(['PermissionDenied PERMISSION_DENIED']));
    const outcomes = await Promise.all(Array.from({ length: 1 + waiting + more }, () => add(server.as())));
    expect(outcomes).toContain('ResourceExhausted KEYS_BUSY');
    const made = outcomes.filter((told) => told === 'ok').length;
    expect(made).toBeGreaterThanOrEqual(1 + waiting);
    const [row] = await server.sql<
      { n: number }[]
    >`select count(distinct public_key)::int as n from machine_keys where user_id = ${userId}`;
    expect(row?.n).toBe(made);
  });
});

describe('a list of keys', () => {
  const list = async (request: MessageInitShape<typeof ListKeysRequestSchema>, as: Clients = server.as()) => {
    const { result, pagination } = await as.users.listKeys(request);
    return { ids: result.map(({ id }) => id), total: pagination?.totalResult };
  };
  const of = (userId: string): Filter => ({ filter: { case: 'userIdFilter', value: { id: userId } } });
  const refused = 'Unauthenticated UNAUTHENTICATED';

  test('tells whose they are, and when', async () => {
    const organizationId = await createOrganization(server);
    const userId = await createMachine(server, { organizationId });
    const { keyId } = await addTo(userId);
    const response = await server.as().users.listKeys({ filters: [of(userId)] });
    expect(response.pagination).toMatchObject({ totalResult: 1n, appliedLimit: 100n });
    const dates = { creationDate: timestampFromDate(epoch), changeDate: timestampFromDate(epoch) };
    const expirationDate = timestampFromDate(minutes(60));
    expect(response.result).toMatchObject([{ id: keyId, userId, organizationId, ...dates, expirationDate }]);
  });

  test("holds the keys of users that the caller may read, and the caller's own", async () => {
    const organizationId = await createOrganization(server);
    const manager = await createManager(server, ['ORG_OWNER'], organizationId);
    const stranger = await createStranger(server);
    const theirs = await addTo(await createMachine(server, { organizationId }));
    const own = await addTo(stranger.id);
    expect(await list({}, stranger)).toEqual({ ids: [own.keyId], total: 1n });
    expect(await list({}, manager)).toEqual({ ids: [theirs.keyId], total: 1n });
    expect(await list({ filters: [of(stranger.id)] }, manager)).toEqual({ ids: [], total: 0n });
    await grant(server, stranger.id, ['ORG_OWNER_VIEWER'], organizationId);
    expect((await list({}, stranger)).total).toBe(2n);
    await grant(server, stranger.id, ['IAM_OWNER_VIEWER']);
    expect((await list({}, stranger)).total).toBe((await list({})).total);
    expect(await outcome(list({}, server.as('')))).toBe(refused);
  });

  test('is narrowed by every filter, all of which must hold', async () => {
    const organizationId = await createOrganization(server);
    const userId = await createMachine(server, { organizationId });
    const ids: string[] = [];
    for (const at of [1, 2, 3]) {
      server.setTime(minutes(at));
      ids.push((await addTo(userId, { expiry: minutes(100 - at) })).keyId);
    }
    const [first, second, third] = ids;
    const here: Filter = { filter: { case: 'organizationIdFilter', value: { id: organizationId } } };
    const only = async (...filters: Filter[]) => (await list({ filters: [here, ...filters], pagination: { asc: true } })).ids;
    const created = (method: TimestampFilterMethod): Filter => ({
      filter: { case: 'createdDateFilter', value: { timestamp: timestampFromDate(minutes(2)), method } },
    });
    const expiring = (method: TimestampFilterMethod): Filter => ({
      filter: { case: 'expirationDateFilter', value: { timestamp: timestampFromDate(minutes(98)), method } },
    });
    const { EQUALS, AFTER, AFTER_OR_EQUALS, BEFORE, BEFORE_OR_EQUALS } = TimestampFilterMethod;
    expect(await only()).toEqual([first, second, third]);
    expect(await only({ filter: { case: 'keyIdFilter', value: { id: second ?? '' } } })).toEqual([second]);
    expect(await only(of(userId))).toEqual([first, second, third]);
    expect(await only(of('404'))).toEqual([]);
    const elsewhere: Filter = { filter: { case: 'organizationIdFilter', value: { id: '404' } } };
    expect(await only(elsewhere)).toEqual([]);
    for (const [method, byCreation, byExpiry] of [
      [EQUALS, [second], [second]],
      [AFTER, [third], [first]],
      [AFTER_OR_EQUALS, [second, third], [first, second]],
      [BEFORE, [first], [third]],
      [BEFORE_OR_EQUALS, [first, second], [second, third]],
    ] as const) {
      expect([method, await only(created(method))]).toEqual([method, byCreation]);
      expect([method, await only(expiring(method))]).toEqual([method, byExpiry]);
    }
    expect(await only(created(AFTER_OR_EQUALS), expiring(AFTER_OR_EQUALS))).toEqual([second]);
    expect(await outcome(only({ filter: { case: undefined } }))).toBe('InvalidArgument INVALID_REQUEST');
    const timeless: Filter = { filter: { case: 'expirationDateFilter', value: {} } };
    expect(await brokenFields(only(timeless))).toEqual(['filters[1].expiration_date_filter.timestamp']);
  });

  test('comes by every column, the newest first unless asked otherwise, in pages', async () => {
    const [near, far] = [await createOrganization(server), await createOrganization(server)];
    const x = await createMachine(server, { organizationId: far });
    const y = await createMachine(server, { organizationId: near });
    const key = async (userId: string, at: number, expiry: number) => {
      server.setTime(minutes(at));
      return (await addTo(userId, { expiry: minutes(expiry) })).keyId;
    };
    const a = await key(x, 30, 90);
    const c = await key(y, 20, 70);
    const b = await key(x, 20, 80);
    const after: Filter = {
      filter: {
        case: 'createdDateFilter',
        value: { timestamp: timestampFromDate(minutes(10)), method: TimestampFilterMethod.AFTER },
      },
    };
    const by = async (sortingColumn: KeyFieldName | undefined, asc: boolean) => {
      const request = { filters: [after], pagination: { asc }, ...(sortingColumn !== undefined && { sortingColumn }) };
      return (await list(request)).ids;
    };
    const { UNSPECIFIED, CREATED_DATE, ID, USER_ID, ORGANIZATION_ID, KEY_EXPIRATION_DATE } = KeyFieldName;
    const idOrder = [a, b, c].toSorted();
    // c was made before b, at the same instant.
    const [low, high] = [b, c].toSorted();
    for (const [column, ascending] of [
      [undefined, [low, high, a]],
      [UNSPECIFIED, [low, high, a]],
      [CREATED_DATE, [low, high, a]],
      [ID, idOrder],
      [USER_ID, [...[a, b].toSorted(), c]],
      [ORGANIZATION_ID, [c, ...[a, b].toSorted()]],
      [KEY_EXPIRATION_DATE, [c, b, a]],
    ] as const) {
      expect([column, await by(column, true)]).toEqual([column, ascending]);
      expect([column, await by(column, false)]).toEqual([column, ascending.toReversed()]);
    }
    const page = await server.as().users.listKeys({ filters: [after], pagination: { offset: 1n, limit: 1 } });
    expect(page.result.map(({ id }) => id)).toEqual([high]);
    expect(page.pagination).toMatchObject({ totalResult: 3n, appliedLimit: 1n });
    expect(await outcome(list({ pagination: { limit: 1001 } }))).toBe('InvalidArgument LIMIT_TOO_LARGE');
  });
});
