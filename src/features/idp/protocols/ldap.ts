// Sign-in with the name and the password that somebody has at a directory: the entry is searched by an account of ours
// there, and the password is right when the directory lets the entry bind with it (RFC 4513, 5.1.3).
import { AndFilter, EqualityFilter, OrFilter } from 'ldapts';
import { tokenHash } from '../../../kernel/auth/tokens.ts';
import type { Call } from '../../../kernel/call.ts';
import type { LdapConfig } from '../../../kernel/db/providerConfig.ts';
import { evenOut } from '../../../kernel/evenOut.ts';
import { countTry, type Guess, settleTry, takeBackTry } from '../../../kernel/guessing.ts';
import { textKey } from '../../../kernel/names.ts';
import { type Identity, ProviderRefusal } from '../identity.ts';
import type { ProviderRow } from '../repository.ts';
import { secretOf } from '../secrets.ts';
import { type Directory, type Entry, openDirectory, resultCode } from './directory.ts';
import { bindNameOf, identityOf, wantedAttributes } from './entry.ts';
import type { Credentials } from './protocols.ts';

/** Milliseconds for the connection and for each answer, unless the provider says otherwise. */
const usualMs = 10_000;
/** Milliseconds that a provider may say at most, and after which no further server is tried. */
const longestMs = 60_000;

/**
 * ProviderRefusal: `access_denied` for a wrong password and for a name that nobody or more than one has, after the same time;
 * `temporarily_unavailable` when no server could be asked. TRIED_TOO_OFTEN.
 */
export async function signInLdap(
  call: Call,
  provider: ProviderRow,
  config: LdapConfig,
  credentials: Credentials,
): Promise<Identity> {
  const begun = performance.now();
  const guess = guessOf(call, provider, credentials.userName);
  const entry = await call.passwordTurns.take(guess.userId, async () => {
    await countTry(call, guess);
    const found = await findPerson(call, provider, config, credentials).catch(async (error: unknown) => {
      await takeBackTry(call, guess);
      throw error;
    });
    await settleTry(call, guess, found !== undefined);
    return found;
  });
  if (entry) return identityOf(entry, config);
  await evenOut(begun);
  throw new ProviderRefusal('access_denied', `${provider.name} refused the name and the password`);
}

/**
 * Whether there is such a name, and how many spellings a directory takes for the same, is known to it alone: only letters and
 * digits count, without case and accents. Whoever may read the users of the provider's organization, of the instance's
 * everybody, passes on what other people typed.
 */
function guessOf({ keys }: Call, { id, organizationId }: ProviderRow, userName: string): Guess {
  const name = textKey(userName).replace(/[^\p{L}\p{N}]/gu, '');
  const hidden = tokenHash(keys, JSON.stringify(['directory', id, name])).toString('base64url');
  return { userId: `${id}:${hidden}`, kind: 'password', user: { organizationId: organizationId ?? '' } };
}

/** Undefined: the name or the password is wrong. Servers are tried in their order until one can be asked. */
async function findPerson(
  call: Call,
  provider: ProviderRow,
  config: LdapConfig,
  credentials: Credentials,
): Promise<Entry | undefined> {
  // What some server takes for the end of the password, or for none, is no password.
  if (credentials.password === '' || credentials.password.includes('\0')) return undefined;
  const { startTls, rootCa } = config;
  const timeoutMs = Math.min(Math.ceil(config.timeoutMs) || usualMs, longestMs);
  const until = performance.now() + longestMs;
  for (const url of config.servers) {
    if (performance.now() > until) break;
    try {
      const directory = await openDirectory(call, { url, startTls, rootCa, timeoutMs });
      try {
        return await askDirectory(directory, config, { ...credentials, bindPassword: secretOf(call, provider) });
      } finally {
        directory.close();
      }
    } catch (error) {
      call.log.warn({ provider: provider.id, server: url, err: error }, 'a server of a directory could not be asked');
    }
  }
  throw new ProviderRefusal('temporarily_unavailable', `${provider.name} cannot be reached`);
}

async function askDirectory(
  directory: Directory,
  config: LdapConfig,
  { userName, password, bindPassword }: Credentials & { bindPassword: string },
): Promise<Entry | undefined> {
  refuseUnless(await directory.bind(config.bindDn, bindPassword), [resultCode.success], 'bind_dn');
  const { code, entries } = await directory.search({
    baseDn: config.baseDn,
    filter: personFilter(config, userName),
    attributes: wantedAttributes(config),
    // Of two, neither is meant.
    sizeLimit: 2,
  });
  refuseUnless(code, [resultCode.success, resultCode.sizeLimitExceeded], 'the search');
  const [entry, another] = entries;
  if (!entry || another || code !== resultCode.success) return undefined;
  const name = bindNameOf(entry, config.userBase);
  if (name === '') return undefined;
  const bound = await directory.bind(name, password);
  if (bound === resultCode.busy || bound === resultCode.unavailable) throw new Error(`the server is busy (${bound})`);
  return bound === resultCode.success ? entry : undefined;
}

/** All classes, and one of the attributes. As values, not as text: nothing in the name can be syntax (RFC 4515, 3). */
const personFilter = ({ userObjectClasses, userFilters }: LdapConfig, userName: string): AndFilter =>
  new AndFilter({
    filters: [
      ...userObjectClasses.map((value) => new EqualityFilter({ attribute: 'objectClass', value })),
      new OrFilter({ filters: userFilters.map((attribute) => new EqualityFilter({ attribute, value: userName })) }),
    ],
  });

/** Only the code is told on: what a server writes beside it may hold anything. */
function refuseUnless(code: number, accepted: readonly number[], what: string): void {
  if (!accepted.includes(code)) throw new Error(`the server refused ${what} with result code ${code}`);
}
