// How a person signs in. This half needs the service token, so it does no more than this: it has Roster check what the
// person typed or signed, and hands over the token of that person's own session. Roster decides whether enough was checked:
// until then it refuses that token with MFA_NEEDED.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { createClient, type Interceptor } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { type Challenges, UserVerificationRequirement } from '../../gen/zitadel/session/v2/challenge_pb.ts';
import { type ChecksSchema, SessionService } from '../../gen/zitadel/session/v2/session_service_pb.ts';
import { AuthenticationMethodType, UserService } from '../../gen/zitadel/user/v2/user_service_pb.ts';
import { isOver } from './refusal.ts';

/** A session, and what shows that it is this browser's: ids can be guessed, tokens cannot. */
export interface Session {
  sessionId: string;
  sessionToken: string;
}

type Body = Readonly<Record<string, string>>;

interface Reply {
  /** For the cookie; without one it goes. */
  session?: Session | undefined;
  /** For the page. */
  told: object | null;
}

interface Action {
  /** @param session What the cookie held. */
  run(roster: Roster, body: Body, session?: Session): Promise<Reply>;
  /** What the person is told when Roster refuses. One sentence for all reasons: which it was would tell who exists. */
  refused: string;
}

type Roster = ReturnType<typeof connect>;

export const bearer =
  (token: string): Interceptor =>
  (next) =>
  (request) => {
    request.header.set('authorization', `Bearer ${token}`);
    return next(request);
  };

/**
 * @param serviceToken Of a machine user with the role IAM_LOGIN_CLIENT.
 * @param domain What passkeys are bound to: the host of the page, or a domain above it.
 */
export function connect(baseUrl: string, serviceToken: string, domain: string) {
  const transport = createGrpcTransport({ baseUrl, interceptors: [bearer(serviceToken)] });
  return { sessions: createClient(SessionService, transport), users: createClient(UserService, transport), domain };
}

/** There is no session, or nothing was proven in it yet. */
export class NotSignedIn extends Error {}

/** A working day from the last check on: a token that is stolen or forgotten does not open the account for ever. */
const lifetime = { seconds: 8n * 60n * 60n };
/** While nothing but a name is known. */
const unprovenLifetime = { seconds: 5n * 60n };

/** What the page may ask for, by name. */
const byName: Readonly<Record<string, Action>> = {
  password: {
    refused: 'The name or the password is wrong.',
    async run(roster, { loginName = '', password = '' }, before) {
      const checks = { user: called(loginName), password: { password } };
      const session = await roster.sessions.createSession({ checks, lifetime });
      await end(roster, before);
      return signedIn(roster, session);
    },
  },
  passkey: {
    refused: 'There is no passkey for this name.',
    async run(roster, { loginName = '' }, before) {
      const asked = { checks: { user: called(loginName) }, challenges: challengeOf(roster, 'passkey') };
      const session = await roster.sessions.createSession({ ...asked, lifetime: unprovenLifetime });
      await end(roster, before);
      return { session, told: optionsIn(session.challenges) };
    },
  },
  /** After MFA_NEEDED: what the page can offer. */
  secondFactors: {
    refused: 'There is no second factor.',
    async run(roster, _, session) {
      const { userId } = await look(roster, session);
      const { authMethodTypes } = await roster.users.listAuthenticationMethodTypes({ userId });
      const { TOTP, U2F, PASSKEY } = AuthenticationMethodType;
      const [totp, key, passkey] = [TOTP, U2F, PASSKEY].map((type) => authMethodTypes.includes(type));
      return { session, told: { totp, key, passkey } };
    },
  },
  challenge: {
    refused: 'There is no key that could sign here.',
    async run(roster, { kind }, session) {
      const { sessionId } = await look(roster, session);
      const asked = challengeOf(roster, kind === 'passkey' ? 'passkey' : 'key');
      const { sessionToken, challenges } = await roster.sessions.setSession({ sessionId, challenges: asked });
      return { session: { sessionId, sessionToken }, told: optionsIn(challenges) };
    },
  },
  assertion: {
    refused: 'The passkey or key was not accepted.',
    async run(roster, { assertion = '' }, session) {
      const { sessionId } = await look(roster, session, { proven: false });
      return check(roster, sessionId, { webAuthN: { credentialAssertionData: JSON.parse(assertion) } });
    },
  },
  totp: {
    refused: 'The code is wrong, or was used already: wait for the next one.',
    async run(roster, { code = '' }, session) {
      const { sessionId } = await look(roster, session);
      return check(roster, sessionId, { totp: { code } });
    },
  },
  /** After a reload: the page keeps the token in memory only. */
  resume: {
    refused: 'Sign in again.',
    run: async (roster, _, session) => (session ? signedIn(roster, session) : { told: null }),
  },
  signOut: {
    refused: 'Signing out failed.',
    async run(roster, _, session) {
      await end(roster, session);
      return { told: null };
    },
  },
};

export const actions: ReadonlyMap<string, Action> = new Map(Object.entries(byName));

const called = (loginName: string) => ({ search: { case: 'loginName', value: loginName } }) as const;

/** REQUIRED asks for passkeys, which make sure who uses them; PREFERRED for keys that stand beside a password. */
const challengeOf = ({ domain }: Roster, kind: 'passkey' | 'key') => ({
  webAuthN: { domain, userVerificationRequirement: UserVerificationRequirement[kind === 'passkey' ? 'REQUIRED' : 'PREFERRED'] },
});

const optionsIn = (challenges?: Challenges) => challenges?.webAuthN?.publicKeyCredentialRequestOptions ?? null;

/** Every check gives the session another token, and ends the one before. */
async function check(roster: Roster, sessionId: string, checks: MessageInitShape<typeof ChecksSchema>) {
  const { sessionToken } = await roster.sessions.setSession({ sessionId, checks, lifetime });
  return signedIn(roster, { sessionId, sessionToken });
}

async function signedIn(roster: Roster, session: Session) {
  const { userId } = await look(roster, session);
  return { session, told: { token: session.sessionToken, userId } };
}

/**
 * Whose session it is. Asked with its token: SetSession looks at the service token alone, so that without this, whoever
 * writes another id into his cookie would go on in somebody else's session. Who has only typed a name is not let on: his
 * tries at codes would count against the person of that name.
 */
async function look({ sessions }: Roster, session?: Session, { proven = true } = {}) {
  if (!session) throw new NotSignedIn();
  const { sessionId, sessionToken } = session;
  const { factors } = (await sessions.getSession({ sessionId, sessionToken })).session ?? {};
  if (proven && !factors?.password && !factors?.webAuthN) throw new NotSignedIn();
  return { sessionId, userId: factors?.user?.id ?? '' };
}

async function end({ sessions }: Roster, session?: Session): Promise<void> {
  if (!session) return;
  const { sessionId, sessionToken } = session;
  await sessions.deleteSession({ sessionId, sessionToken }).catch((error: unknown) => {
    if (!isOver(error)) throw error;
  });
}
