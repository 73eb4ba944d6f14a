// What each way to use a session says, and what it says of sessions in each state.
import { outcome } from './errors.ts';
import type { TestServer } from './server.ts';
import type { Factor, Session } from './sessions.ts';

const ok = 'ok';
export const unauthenticated = 'Unauthenticated UNAUTHENTICATED';
export const sessionNotFound = 'NotFound SESSION_NOT_FOUND';

/** What a token is good for. */
export const bearer = (server: TestServer, token: string): Promise<string> => outcome(server.as(token).users.listUsers({}));

/** Who looks: at every replica, by a token that lets read no session, and by one that lets write all. */
export interface Lookout {
  replicas: TestServer[];
  stranger: { token: string };
  login: { token: string };
}

/** Uses a session in each way; by a change it gets another token. */
export async function look({ replicas, stranger, login }: Lookout, session: Session) {
  const { id: sessionId, token: sessionToken } = session;
  const bearers = await Promise.all(replicas.map((at) => bearer(at, sessionToken)));
  const readings = replicas.map((at) => outcome(at.as(stranger.token).sessions.getSession({ sessionId, sessionToken })));
  const shown = await Promise.all(readings);
  const [last] = replicas.slice(-1);
  const { sessions } = (last ?? fail()).as(login.token);
  const { session: read } = await sessions.getSession({ sessionId }).catch(() => ({ session: undefined }));
  const { $typeName, $unknown, user, ...factors } = read?.factors ?? {};
  const checked = Object.entries(factors).filter(([, factor]) => factor !== undefined);
  const set = await sessions.setSession({ sessionId, metadata: { last: Buffer.from(sessionToken) } }).catch(() => undefined);
  if (set) session.token = set.sessionToken;
  const after = set && (await Promise.all(replicas.map((at) => bearer(at, set.sessionToken))));
  return { bearers, shown, factors: checked.map(([name]) => name).sort(), after };
}

function fail(): never {
  throw new Error('there is no replica');
}

const both = (word: string) => [word, word];
const shownAs = (factor: Factor) => (factor === 'passkey' || factor === 'u2f' ? 'webAuthN' : factor);

/** The session is gone. */
export const ended = { bearers: both(unauthenticated), shown: both(sessionNotFound), factors: [], after: undefined };
/** Nothing counts but who the user is. */
export const stale = { bearers: both(unauthenticated), shown: both(ok), factors: [], after: both(unauthenticated) };
/** What was checked stands, but the user may not act. */
export const barred = (factors: readonly Factor[]) => ({ ...stale, factors: factors.map(shownAs).sort() });
export const good = (factors: readonly Factor[]) => ({ ...barred(factors), bearers: both(ok), after: both(ok) });
