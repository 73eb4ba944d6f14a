import { verifyEmail } from '../features/email/service.ts';
import { acceptInvite } from '../features/invite/service.ts';
import { initialiseUser } from '../features/lifecycle/initial.ts';
import { setPassword } from '../features/password/service.ts';
import type { Call } from '../kernel/call.ts';
import { pagePaths } from '../kernel/links.ts';
import type { Fields } from './fields.ts';
import type { PageName } from './texts.ts';

export interface Page {
  name: PageName;
  asksPassword(fields: Fields): boolean;
  /** The same function that the RPC calls; throws what it throws. */
  submit(call: Call, fields: Fields): Promise<unknown>;
}

const plain = (password: string) => ({ kind: 'plain', password, changeRequired: false }) as const;

const never = () => false;
const always = () => true;

/** By path. */
export const pages: ReadonlyMap<string, Page> = new Map<string, Page>([
  [pagePaths.email, { name: 'email', asksPassword: never, submit: (call, { userId, code }) => verifyEmail(call, userId, code) }],
  [
    pagePaths.password,
    {
      name: 'password',
      asksPassword: always,
      submit: (call, { userId, code, password }) => setPassword(call, userId, plain(password), { kind: 'code', code }),
    },
  ],
  [
    pagePaths.invite,
    {
      name: 'invite',
      asksPassword: always,
      submit: (call, { userId, code, password }) => acceptInvite(call, userId, code, plain(password)),
    },
  ],
  [
    pagePaths.init,
    {
      name: 'init',
      asksPassword: ({ passwordSet }) => !passwordSet,
      submit: (call, { userId, code, password, passwordSet }) =>
        initialiseUser(call, userId, code, passwordSet ? undefined : plain(password)),
    },
  ],
]);
