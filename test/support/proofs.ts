// Every way in which a code, or a current password, gets to the service: each call that takes one, and each page.
import type { DescMessage } from '@bufbuild/protobuf';
import { Secret, TOTP } from 'otpauth';
import { importedRow } from '../../src/features/totp/service.ts';
import { codeWithId, type Purpose } from '../../src/kernel/codes/codes.ts';
import { pagePaths } from '../../src/kernel/links.ts';
import { accessOf } from '../../src/server/access.ts';
import { services } from '../../src/server/routes.ts';
import { passkeyPaths } from '../../src/web/passkey/paths.ts';
import { totpPaths } from '../../src/web/totp/paths.ts';
import { leaveCode, unique } from './actors.ts';
import { outcome } from './errors.ts';
import { fillPage, openPage, sendForm } from './pages.ts';
import type { Clients, TestServer } from './server.ts';

export interface Bring {
  /** The method's name, or the page's path. */
  name: string;
  /** Brings a secret for a user. Returns `ok`, or what it was refused with: a status, if by a page. */
  bring(server: TestServer, userId: string, secret: string): Promise<string>;
}

/** A place for codes. */
export interface Entry extends Bring {
  purpose: Purpose;
  /** A code that was right here is right again. */
  keeps?: boolean;
  /** It is for INITIAL users, and for nobody else. */
  initial?: boolean;
}

/** What the codes of registration links are brought with here. */
const linkId = '1';

/** Leaves a code in the form in which an entry looks for its own; for another purpose, if told so. */
export const leaveFor = (
  server: TestServer,
  userId: string,
  entry: Entry,
  code: string,
  purpose: Purpose = entry.purpose,
): Promise<string> => leaveCode(server, userId, purpose, entry.purpose === 'passkey' ? codeWithId(linkId, code) : code);

/** A password that no policy refuses and nobody has. */
export const freshPassword = () => unique('Fresh-Wort-');

type Proof = { case: 'verificationCode' | 'currentPassword'; value: string };
type Users = Clients['users'];

const setPassword = (users: Users, userId: string, verification: Proof) =>
  outcome(users.setPassword({ userId, newPassword: { password: freshPassword() }, verification }));

const updateUser = (users: Users, userId: string, verification: Proof) => {
  const password = { passwordType: { case: 'password', value: { password: freshPassword() } }, verification } as const;
  return outcome(users.updateUser({ userId, userType: { case: 'human', value: { password } } }));
};

const updateHumanUser = (users: Users, userId: string, verification: Proof) => {
  const password = { passwordType: { case: 'password', value: { password: freshPassword() } }, verification } as const;
  return outcome(users.updateHumanUser({ userId, password }));
};

const changing = { SetPassword: setPassword, UpdateUser: updateUser, UpdateHumanUser: updateHumanUser };

const calls: Entry[] = [
  {
    name: 'VerifyEmail',
    purpose: 'email',
    bring: (server, userId, verificationCode) => outcome(server.as().users.verifyEmail({ userId, verificationCode })),
  },
  {
    name: 'VerifyPhone',
    purpose: 'phone',
    bring: (server, userId, verificationCode) => outcome(server.as().users.verifyPhone({ userId, verificationCode })),
  },
  {
    name: 'VerifyInviteCode',
    purpose: 'invite',
    bring: (server, userId, verificationCode) => outcome(server.as().users.verifyInviteCode({ userId, verificationCode })),
  },
  ...Object.entries(changing).map(
    ([name, change]): Entry => ({
      name,
      purpose: 'password',
      bring: (server, userId, value) => change(server.as().users, userId, { case: 'verificationCode', value }),
    }),
  ),
];

const pageOf = (purpose: 'email' | 'password' | 'invite' | 'init'): Entry => ({
  name: pagePaths[purpose],
  purpose,
  initial: purpose === 'init',
  bring: async (server, userId, code) => {
    const link = `${server.address}${pagePaths[purpose]}?${new URLSearchParams({ userID: userId, code, orgID: '1' })}`;
    const password = freshPassword();
    const { status } = await fillPage(link, purpose === 'email' ? {} : { password, repeat: password });
    return status === 200 ? 'ok' : String(status);
  },
});

/** A form of the page that a registration link leads to. */
const formOfLink = (
  path: string,
  {
    keeps = false,
    typed,
  }: { keeps?: boolean; typed?: (server: TestServer, userId: string) => Promise<Record<string, string>> } = {},
): Entry => ({
  name: path,
  purpose: 'passkey',
  keeps,
  bring: async (server, userId, code) => {
    const link = new URLSearchParams({ userID: userId, codeID: linkId, code, orgID: '1' });
    const page = await openPage(`${server.address}${passkeyPaths.page}?${link}`);
    const { status } = await sendForm(server.address + path, page, (await typed?.(server, userId)) ?? {});
    return status === 200 ? 'ok' : String(status);
  },
});

/** What an app shows that was set up by then, wherever there is such a user. */
async function digitsOf({ sql, app }: TestServer, userId: string): Promise<Record<string, string>> {
  const base32 = 'JBSWY3DPEHPK3PXP';
  const { secret } = importedRow(app, userId, base32);
  await sql`insert into totps (user_id, secret, ready) select id, ${secret}, false from users where id = ${userId}
    on conflict do nothing`;
  return { digits: new TOTP({ secret: Secret.fromBase32(base32) }).generate({ timestamp: app.clock().getTime() }) };
}

const ofLinks: Entry[] = [
  {
    name: 'RegisterPasskey',
    purpose: 'passkey',
    bring: (server, userId, code) => outcome(server.as().users.registerPasskey({ userId, code: { id: linkId, code } })),
  },
  formOfLink(passkeyPaths.start),
  formOfLink(totpPaths.start, { keeps: true }),
  formOfLink(totpPaths.finish, { typed: digitsOf }),
];

/** Where codes are brought to. */
export const codeEntries: readonly Entry[] = [
  ...calls,
  pageOf('email'),
  pageOf('password'),
  pageOf('invite'),
  pageOf('init'),
  ...ofLinks,
];

/** Where current passwords are brought to. */
export const passwordEntries: readonly Bring[] = Object.entries(changing).map(([name, change]) => ({
  name,
  bring: (server, userId, value) => change(server.as().users, userId, { case: 'currentPassword', value }),
}));

/** The served methods whose request has such a field, or a message of that name, somewhere. */
export const methodsTaking = (wanted: string): string[] =>
  services
    .flatMap(({ methods }) => methods)
    .filter((method) => accessOf(method) && holds(method.input, wanted, []))
    .map(({ name }) => name);

const holds = (message: DescMessage, wanted: string, above: readonly DescMessage[]): boolean =>
  !above.includes(message) &&
  (message.name === wanted ||
    message.fields.some(
      ({ name, message: inner }) => name === wanted || (inner !== undefined && holds(inner, wanted, [...above, message])),
    ));
