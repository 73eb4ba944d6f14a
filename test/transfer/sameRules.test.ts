// The same users, imported from a file and created by one call each on another instance: the same are refused for the
// same reasons, and the others are the same, down to their history.
import { fromJson } from '@bufbuild/protobuf';
import { beforeAll, expect, test } from 'vitest';
import { type CreateUserRequest, CreateUserRequestSchema } from '../../gen/zitadel/user/v2/user_service_pb.ts';
import { createHuman, createMachine, createOrganization, homeOf } from '../support/actors.ts';
import { outcome } from '../support/errors.ts';
import { createProvider } from '../support/providers.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { allUsers, importRows, person, type Row } from './files.ts';

/** bcrypt of "Correct-Horse-7", from libxcrypt. */
const hash = '$2b$10$abcdefghijklmnopqrstuuPiS4iUBT88yFvUSk/tP0Mi6eDKfUO/S';

const there = { email: 'there@example.net', emailVerified: true };
const long = (length: number) => 'x'.repeat(length);

const link = (idpId: string, userId: string) => ({ idpId, userId, userName: `${userId} at ${idpId}` });

/** What a line says beside what `person` says. `home` and `other` stand for organizations. */
const lines: Row[] = [
  {},
  { nickName: 'Nick', displayName: 'Display', preferredLanguage: 'de-ch', gender: 'diverse' },
  { preferredLanguage: 'x_y', gender: 'female', displayName: '', nickName: '' },
  { preferredLanguage: long(11) },
  { username: undefined, email: 'byaddress@example.net' },
  { username: 'BYADDRESS@example.net' },
  { userId: undefined, username: 'no.id' },
  { username: '  trimmed  ', givenName: ' Ada ', familyName: ' L ' },
  { username: 'trimmed' },
  { username: '   ' },
  { familyName: '   ' },
  { username: long(200), userId: long(200) },
  { username: long(201) },
  { userId: long(201) },
  { userId: '' },
  { givenName: '' },
  { givenName: '𝐀'.repeat(200) },
  { givenName: '𝐀'.repeat(201) },
  { familyName: 'a\0b' },
  { email: 'no address' },
  { email: `${long(65)}@example.net` },
  { email: 'ümlaut@example.net' },
  { email: 'a@b', emailVerified: true },
  { phone: '079 123 45 67', phoneVerified: true },
  { phone: '+41791234567' },
  { phone: '' },
  { phone: '123' },
  { password: 'Correct-Horse-7' },
  { password: 'Correct-Horse-7', passwordChangeRequired: true },
  { password: 'correct-horse-7' },
  { password: 'short' },
  { password: '' },
  { passwordHash: hash },
  { passwordHash: hash, passwordChangeRequired: true, totpSecret: 'jbswy3dpehpk3pxp' },
  { passwordHash: hash.replace('$10$', '$31$') },
  { passwordHash: long(1001) },
  { totpSecret: 'not base32!' },
  { totpSecret: 'JBSWY3DPEHPK3PXP=' },
  { metadata: { one: 'Ü', two: { base64: Buffer.of(0, 255).toString('base64') } } },
  { metadata: {} },
  { metadata: { ' ': 'x' } },
  { metadata: { empty: '' } },
  { metadata: { [long(201)]: 'x' } },
  { metadata: { '': 'x' } },
  { idpLinks: [{ idpId: 'nothing', userId: '1', userName: 'a' }] },
  { idpLinks: [{ idpId: '', userId: '1', userName: 'a' }] },
  { idpLinks: [link('google', 'Ada')], metadata: { a: 'b' }, totpSecret: 'JBSWY3DPEHPK3PXP' },
  { idpLinks: [link('google', 'ADA')] },
  { idpLinks: [link('own', 'ada')] },
  { idpLinks: [link('google', 'one'), link('own', 'two'), link('google', 'three')], passwordHash: hash },
  { idpLinks: [link('google', 'four'), link('own', 'two')] },
  { idpLinks: [link('google', 'four')] },
  { idpLinks: [link('google', 'five'), link('google', 'FIVE')] },
  { idpLinks: [link('google', 'five'), link('off', 'x')] },
  { idpLinks: [link('google', 'five'), link('foreign', 'x')] },
  { idpLinks: [link('foreign', 'x')], organizationId: 'other' },
  { idpLinks: [link('own', 'y')], organizationId: 'other' },
  { idpLinks: [link('google', 'five')], organizationId: 'other' },
  { idpLinks: [link('google', 'There')] },
  { idpLinks: [] },
  { userId: 'there' },
  { username: 'There' },
  { username: 'THERE@example.net' },
  { username: 'there@example.net', organizationId: 'other' },
  { username: 'elsewhere@other.example.com' },
  { username: 'inside@other.example.com', organizationId: 'other' },
  { username: 'a@OTHER.example.com' },
  { organizationId: 'nowhere' },
  { organizationId: '' },
  { userId: 'dead-home' },
  { userId: 'dead-home', organizationId: 'other' },
  { userId: 'dead-other' },
  { userId: 'dead-other', organizationId: 'other' },
  { userId: 'twice' },
  { userId: 'twice' },
  { username: 'Twice' },
  { username: 'tWICE' },
  { username: 'Straße' },
  { username: 'STRASSE' },
  { email: 'first@example.net', emailVerified: true },
  { username: 'First@example.net' },
  { username: 'first@example.net', organizationId: 'other' },
  { username: 'later@example.net' },
  { email: 'later@example.net', emailVerified: true },
  { email: 'unverified@example.net' },
  { username: 'unverified@example.net' },
  // Several things are wrong: the same one is told.
  { userId: 'there', username: 'there', password: 'short' },
  { username: 'b@other.example.com', password: 'short' },
  { username: 'there', password: 'short', idpLinks: [link('nothing', '1')] },
  { username: 'there', idpLinks: [link('off', '1')] },
  { username: 'there', idpLinks: [link('google', 'ada')] },
  { organizationId: 'nowhere', email: 'bad', username: ' ' },
  { phone: '1', passwordHash: 'bad', givenName: ' ' },
];

const machines: Row[] = [
  { userId: 'robot', name: 'Robot', description: 'Works', accessTokenType: 'jwt' },
  { name: 'Nameless' },
  { username: 'ROBOT', name: 'Another' },
  { name: '' },
  { name: long(201) },
  { name: 'x', description: long(501) },
  { name: 'x', username: 'sync', metadata: { key: 'value' } },
].map((row) => ({ type: 'machine', ...row }));

let one: TestServer;
let other: TestServer;

/** Prepares an instance. Returns the ids that the names of organizations stand for. */
async function prepare(server: TestServer): Promise<Record<string, string>> {
  const places = { home: await homeOf(server), other: await createOrganization(server, { name: 'Other' }), nowhere: 'nowhere' };
  const email = { email: there.email, verification: { case: 'isVerified', value: true } } as const;
  await createHuman(server, { userId: 'there', username: 'there', email });
  await createProvider(server, { id: 'google' });
  await createProvider(server, { id: 'off', state: 'inactive' });
  await createProvider(server, { id: 'own', organizationId: places.home });
  await createProvider(server, { id: 'foreign', organizationId: places.other });
  await server.as().users.addIDPLink({ userId: 'there', idpLink: link('google', 'there') });
  for (const place of ['home', 'other'] as const) {
    const userId = await createMachine(server, { userId: `dead-${place}`, organizationId: places[place] });
    await server.as().users.deleteUser({ userId });
  }
  return places;
}

/** What a line asks for, as a request; written here from the definition alone. */
function requestOf(row: Row, organizationId: string): CreateUserRequest {
  const { type, userId, username, metadata, name, description, accessTokenType } = row;
  const entries = Object.entries(metadata ?? {}).map(([key, value]) => ({
    key,
    value: typeof value === 'string' ? Buffer.from(value).toString('base64') : value.base64,
  }));
  const common = { organizationId, userId, username, metadata: entries };
  const token = accessTokenType === 'jwt' ? 'ACCESS_TOKEN_TYPE_JWT' : 'ACCESS_TOKEN_TYPE_BEARER';
  const details = type === 'machine' ? { machine: { name, description, accessTokenType: token } } : { human: humanOf(row) };
  return fromJson(CreateUserRequestSchema, JSON.parse(JSON.stringify({ ...common, ...details })));
}

function humanOf(row: Row) {
  const { givenName, familyName, nickName, displayName, preferredLanguage, gender, email, emailVerified = false } = row;
  const { phone, phoneVerified, password, passwordHash, passwordChangeRequired: changeRequired, totpSecret, idpLinks } = row;
  return {
    profile: {
      ...{ givenName, familyName, nickName, displayName, preferredLanguage },
      gender: gender && `GENDER_${String(gender).toUpperCase()}`,
    },
    email: { email, isVerified: emailVerified },
    phone: phone === undefined ? undefined : { phone, isVerified: phoneVerified },
    password: password === undefined ? undefined : { password, changeRequired },
    hashedPassword: passwordHash === undefined ? undefined : { hash: passwordHash, changeRequired },
    ...{ totpSecret, idpLinks },
  };
}

beforeAll(async () => {
  [one, other] = await Promise.all([startServer(), startServer()]);
});

test('a file and single calls come to the same', async () => {
  const [placesHere, placesThere] = await Promise.all([prepare(one), prepare(other)]);
  const rows = [...lines.map((row) => person(row)), ...machines];
  const placed = (row: Row, places: Record<string, string>) => places[String(row.organizationId ?? 'home')] ?? '';

  const file = rows.map((row) => ({ ...row, organizationId: placed(row, placesHere) }));
  // Small batches: what stands in one line counts for later lines, whether they are in its batch or not.
  const { refusals } = await importRows(one, file, { batch: 7 });
  const imported = rows.map((_, index) => refusals.find(({ line }) => line === index + 1)?.reason ?? 'ok');

  const created: string[] = [];
  for (const row of rows) {
    const request = requestOf(row, placed(row, placesThere));
    const said = await outcome(other.as().users.createUser(request));
    created.push(said.replace(/^\w+ /, ''));
  }
  expect(rows.map((row, index) => ({ row, said: imported[index] }))).toEqual(
    rows.map((row, index) => ({ row, said: created[index] })),
  );
  expect(created.filter((said) => said === 'ok').length).toBeGreaterThan(30);

  expect(await stateOf(one, placesHere)).toEqual(await stateOf(other, placesThere));
});

/** Everything that two instances can have in common. */
async function stateOf(server: TestServer, places: Record<string, string>) {
  const nameOf = (id: string) => Object.entries(places).find(([, place]) => place === id)?.[0];
  // Ids that nobody gave are other ones, hashes of our own have their own salts, and calls send codes for phones.
  const neutral = (id: string) => (/^\d{18}$/.test(id) ? 'generated' : id);
  const users = (await allUsers(server)).map((user) => ({
    ...user,
    userId: neutral(user.userId ?? ''),
    username: neutral(user.username ?? ''),
    organizationId: nameOf(user.organizationId ?? ''),
    passwordHash: user.passwordHash?.startsWith('$argon2id$') ? 'ours' : user.passwordHash,
  }));
  const columns = await server.sql`select username, given_name_key, family_name_key, nick_name_key, email_key,
    display_name_key, preferred_language, password_changed_at, type, name, description,
    sequence - (select count(*) from user_events where user_id = id and user_events.type = 'phone.code.created') as sequence
    from users where username <> 'admin'`;
  const events = await server.sql`select u.username, u.id, e.sequence, e.type, e.payload, e.created_at from users u
    join user_events e on e.user_id = u.id where u.username <> 'admin' and e.type <> 'phone.code.created'
    order by u.username, e.sequence`;
  const metadata = await server.sql`select u.username, m.key, m.key_key, m.value, m.created_at from user_metadata m
    join users u on u.id = m.user_id`;
  const links = await server.sql`select u.username, l.* from provider_links l join users u on u.id = l.user_id`;
  const graves = await server.sql`select id from deleted_users`;
  const counts = await server.sql`select type, state, sum(total)::int as total from user_counts group by 1, 2`;
  const sorted = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).sort();
  const named = (rows: readonly Row[]) =>
    rows.map(({ id, username, ...row }) => ({ ...row, username: neutral(String(username)) }));
  return {
    users: sorted(users),
    columns: sorted(named(columns)),
    events: named(events)
      .map((row) => JSON.stringify(row))
      .sort(),
    ...{
      metadata: sorted(metadata),
      links: sorted(links.map(({ user_id, ...row }) => row)),
      graves: sorted(graves),
      counts: sorted(counts),
    },
  };
}
