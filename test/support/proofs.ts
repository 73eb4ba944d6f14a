// Every way in which a code, or a current password, gets to the service: each call that takes one, and each page.
import type { DescMessage } from '@bufbuild/protobuf';
import type { Purpose } from '../../src/kernel/codes/codes.ts';
import { pagePaths } from '../../src/kernel/links.ts';
import { accessOf } from '../../src/server/access.ts';
import { services } from '../../src/server/routes.ts';
import { unique } from './actors.ts';
import { outcome } from './errors.ts';
import { fillPage } from './pages.ts';
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
}

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

const pageOf = (purpose: 'email' | 'password' | 'invite'): Entry => ({
  name: pagePaths[purpose],
  purpose,
  bring: async (server, userId, code) => {
    const link = `${server.address}${pagePaths[purpose]}?${new URLSearchParams({ userID: userId, code, orgID: '1' })}`;
    const password = freshPassword();
    const { status } = await fillPage(link, purpose === 'email' ? {} : { password, repeat: password });
    return status === 200 ? 'ok' : String(status);
  },
});

/** Where codes are brought to. */
export const codeEntries: readonly Entry[] = [...calls, pageOf('email'), pageOf('password'), pageOf('invite')];

/** Where current passwords are brought to. */
export const passwordEntries: readonly Bring[] = Object.entries(changing).map(([name, change]) => ({
  name,
  bring: (server, userId, value) => change(server.as().users, userId, { case: 'currentPassword', value }),
}));

/** The served methods whose request has such a field somewhere. */
export const methodsTaking = (field: string): string[] =>
  services
    .flatMap(({ methods }) => methods)
    .filter((method) => accessOf(method) && holds(method.input, field, []))
    .map(({ name }) => name);

const holds = (message: DescMessage, field: string, above: readonly DescMessage[]): boolean =>
  !above.includes(message) &&
  message.fields.some(
    ({ name, message: inner }) => name === field || (inner !== undefined && holds(inner, field, [...above, message])),
  );
