// Exports of other systems: the people sign in with the passwords that they have there. The hashes of the fixtures are
// from Python's hashlib, from OpenSSL (argon2) and from libxcrypt (bcrypt), all of "Correct-Horse-7".
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { elementsIn } from '../../src/features/transfer/elements.ts';
import { outcome } from '../support/errors.ts';
import { roster, rosterHere } from '../support/roster.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { allUsers, folder, importFile, linesOf, type Row } from './files.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

let server: TestServer;
/** For other people with the same names. */
let another: TestServer;

beforeAll(async () => {
  [server, another] = await Promise.all([startServer(), startServer()]);
});

/** Converts a file: its lines, and what was told of whom. */
async function convert(from: string, path: string, ...options: string[]) {
  const out = join(await folder(), 'out.ndjson');
  const { code, said } = await rosterHere(server, ['user', 'convert', from, path, '--out', out, ...options]);
  expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining('Users written to') });
  const losses = await linesOf(`${out}.report.ndjson`);
  return { out, said, lines: await linesOf(out), losses: losses.map(({ line, what }) => `${line} ${what}`) };
}

/** Whether each of these people can change his password by the one that he had there, and by no other. */
async function signIns({ as }: TestServer, userIds: readonly unknown[]): Promise<Record<string, string[]>> {
  const change = (userId: string, value: string) => {
    const password = { passwordType: { case: 'password', value: { password: 'Another-Horse-8' } } } as const;
    const proof = { verification: { case: 'currentPassword', value } } as const;
    const human = { case: 'human', value: { password: { ...password, ...proof } } } as const;
    return outcome(as().users.updateUser({ userId, userType: human }));
  };
  const found: Record<string, string[]> = {};
  for (const id of userIds) {
    const userId = String(id);
    found[userId] = [await change(userId, 'Correct-Horse-8'), await change(userId, 'Correct-Horse-7')];
  }
  return found;
}

const right = ['InvalidArgument PASSWORD_WRONG', 'ok'];
const idOf = (n: number) => `0b1c7c1e-0000-4000-8000-00000000000${n}`;

test('Keycloak: a realm with its users', async () => {
  const { out, lines, losses, said } = await convert('keycloak', fixture('keycloak-realm.json'));
  expect(lines).toHaveLength(7);
  expect(lines[0]).toEqual({
    ...{ type: 'human', userId: idOf(1), username: 'ada', createdAt: new Date(1600000001000).toISOString() },
    ...{ givenName: 'Ada', familyName: 'Lovelace', preferredLanguage: 'en-GB', email: 'ada@acme.example', emailVerified: true },
    ...{ phone: '+41791234567', phoneVerified: true, totpSecret: 'JBSWY3DPEHPK3PXP' },
    passwordHash: expect.stringMatching(/^\$pbkdf2-sha256\$27500\$AAECAwQFBgcICQoLDA0ODw==\$/),
    metadata: { department: 'engines', languages: '["en","fr"]' },
  });
  expect(lines[1]).toMatchObject({
    ...{ state: 'inactive', givenName: 'Bob "the users": [{}]', familyName: 'Böb\\' },
    passwordChangeRequired: true,
  });
  // The secret of an app is its text where Keycloak names no encoding.
  expect(lines[1]?.totpSecret).toBe('IRFDE32WOF5FK6LGMVLUOU3LIJRXMTLU');
  expect(lines[6]).toEqual({
    type: 'machine',
    userId: idOf(7),
    username: 'service-account-sync',
    createdAt: expect.any(String),
    name: 'sync',
  });
  expect(losses).toEqual([
    ...['2 requiredActions', '3 idpLink', '4 webauthn', '4 givenName', '4 familyName'],
    ...['5 roles', '5 groups', '5 password', '5 otp', '6 email', '7 secret'],
  ]);
  expect(said).toContain('Not carried over as it was: webauthn, of 1 users.');

  const { refusals } = await importFile(server, out);
  expect(refusals.map(({ line, reason }) => [line, reason])).toEqual([[6, 'FIELD_MISSING']]);
  expect(await signIns(server, [1, 2, 3, 4].map(idOf))).toEqual(Object.fromEntries([1, 2, 3, 4].map((n) => [idOf(n), right])));
});

test('Keycloak: a folder with files of users, its own or those of several realms; a link whose provider has an id here', async () => {
  const path = await folder();
  const { users, ...realm } = JSON.parse(await readFile(fixture('keycloak-realm.json'), 'utf8'));
  await writeFile(join(path, 'acme-realm.json'), JSON.stringify(realm));
  await writeFile(join(path, 'acme-users-10.json'), JSON.stringify({ realm: 'acme', users: users.slice(2, 4) }));
  await writeFile(join(path, 'acme-users-2.json'), JSON.stringify({ realm: 'acme', users: users.slice(0, 2) }));
  const { lines } = await convert('keycloak', path, '--provider', 'google=1234');
  expect(lines.map(({ username }) => username)).toEqual(['ada', 'bob', 'cyd', 'dot']);
  expect(lines[2]?.idpLinks).toEqual([{ idpId: '1234', userId: '1122', userName: 'cyd@gmail.example' }]);
  await copyFile(join(path, 'acme-realm.json'), join(path, 'other-realm.json'));
  const refused = await roster(server, 'user', 'convert', 'keycloak', path, '--out', join(path, 'out'));
  expect(refused).toEqual({ code: 1, said: expect.stringContaining('several realms') });
});

test('Auth0: a file for its import', async () => {
  const { out, lines, losses } = await convert('auth0', fixture('auth0-users.json'));
  expect(lines[0]).toEqual({
    ...{ type: 'human', userId: 'auth0|60425dc43519d90068f82973', username: 'ada', createdAt: '2021-03-05T16:34:28.780Z' },
    ...{ givenName: 'Ada', familyName: 'Lovelace', nickName: 'ada', displayName: 'Ada Lovelace' },
    ...{ email: 'ada@acme.example', emailVerified: true, phone: '+41791234567', phoneVerified: true },
    passwordHash: expect.stringMatching(/^\$pbkdf2-sha256\$100000\$/),
    totpSecret: 'JBSWY3DPEHPK3PXP',
    metadata: {
      ...{ 'user_metadata.plan': 'gold', 'user_metadata.theme': '{"dark":true}', 'app_metadata.plan': 'internal' },
      picture: 'https://cdn.example/ada.png',
    },
  });
  expect(lines[1]).toMatchObject({ state: 'inactive' });
  expect(lines[5]).toMatchObject({ givenName: 'Fay Wray', familyName: 'Fay Wray', displayName: 'Fay Wray' });
  expect(losses).toEqual(['1 mfa', '6 givenName', '6 familyName', '6 idpLink', '7 password', '7 department']);
  const { refusals } = await importFile(another, out);
  expect(refusals).toEqual([]);
  const withPassword = lines.filter(({ passwordHash }) => passwordHash !== undefined).map(({ userId }) => userId);
  expect(withPassword).toHaveLength(5);
  expect(await signIns(another, withPassword)).toEqual(Object.fromEntries(withPassword.map((userId) => [userId, right])));
});

test('Auth0: an export with hashes, an object a line', async () => {
  const { out, lines } = await convert('auth0', fixture('auth0-hashes.ndjson'));
  expect(lines[0]).toMatchObject({ passwordChangedAt: '2021-03-05T16:35:16.775Z', emailVerified: false });
  const { userId } = lines[0] ?? {};
  expect((await importFile(server, out)).refusals).toEqual([]);
  expect(await signIns(server, [userId])).toEqual({ [String(userId)]: right });
  expect((await allUsers(server)).find((user) => user.userId === 'auth0|60425da93519d90068f82966')).toMatchObject({
    ...{ givenName: 'test@acme.example', emailVerified: true },
  });
});

test('objects are found wherever a document is cut into pieces', async () => {
  const text = JSON.stringify({
    a: { users: [{ no: 1 }] },
    b: '"users": [{',
    users: [{ id: 1, of: [{ x: '}]\\"' }] }, { id: 'ü' }],
    c: [{}],
  });
  const bytes = Buffer.from(text);
  for (let size = 1; size < 20; size++) {
    const found: unknown[] = [];
    for await (const element of elementsIn(piecesOf(bytes, size), 'users')) found.push(element);
    expect(found).toEqual([{ id: 1, of: [{ x: '}]\\"' }] }, { id: 'ü' }]);
  }
  const cut = async () => {
    for await (const _ of elementsIn(piecesOf(bytes.subarray(0, 60), 7), 'users'));
  };
  await expect(cut()).rejects.toThrow('LINE_CUT_OFF');
});

async function* piecesOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test('what is no export, or cannot be read, is told', async () => {
  const path = join(await folder(), 'broken.json');
  await writeFile(path, '{"users": [{"id": "1"}');
  const out = `${path}.out`;
  const said: Row = {};
  for (const [name, args] of Object.entries({
    cut: [path, '--out', out],
    none: [`${path}.none`, '--out', out],
    nowhere: [path],
  })) {
    const result = await rosterHere(server, ['user', 'convert', 'keycloak', ...args]);
    said[name] = result;
  }
  expect(said).toEqual({
    cut: { code: 1, said: expect.stringContaining('LINE_CUT_OFF') },
    none: { code: 1, said: expect.stringContaining('no such file') },
    nowhere: { code: 2, said: expect.stringContaining('--out FILE') },
  });
});
