// People who have set up all there is to sign in with, and what a login service does for them.
import type { JsonObject } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import { Secret, TOTP } from 'otpauth';
import { UserVerificationRequirement } from '../../gen/zitadel/session/v2/challenge_pb.ts';
import type {
  ChecksSchema,
  CreateSessionRequestSchema,
  SetSessionRequestSchema,
} from '../../gen/zitadel/session/v2/session_service_pb.ts';
import { type CredentialsCheckError, CredentialsCheckErrorSchema } from '../../gen/zitadel/v1/error_pb.ts';
import { createHuman, createInstanceManager, knownPassword, type Plain, unique } from './actors.ts';
import { Authenticator } from './authenticator.ts';
import type { Clients, TestServer } from './server.ts';

export type Sessions = Clients['sessions'];
export type Checks = Plain<typeof ChecksSchema>;
export type Creation = Plain<typeof CreateSessionRequestSchema>;
export type Change = Omit<Plain<typeof SetSessionRequestSchema>, 'sessionId' | 'checks'> & { checks?: Checks };

export const password = 'Passw0rd!';
export const wrongPassword = 'Wrong-1-pass';
export const totpSecret = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
export const rpId = 'login.example.com';
export const origin = `https://${rpId}`;

const isVerified = { case: 'isVerified', value: true } as const;
export const passwordType = await knownPassword(password);

/** The sessions as the login service writes them: those of anybody. */
export const loginOf = async (server: TestServer): Promise<Sessions> =>
  (await createInstanceManager(server, ['IAM_LOGIN_CLIENT'])).sessions;

export const byId = (value: string) => ({ search: { case: 'userId', value } }) as const;
export const byName = (value: string) => ({ search: { case: 'loginName', value } }) as const;

/** Asks for codes that come back. */
export const returned = {
  otpSms: { returnCode: true },
  otpEmail: { deliveryType: { case: 'returnCode', value: {} } },
} as const;

/** Asks for the answer of a passkey. */
export const passkeyWanted = { domain: rpId, userVerificationRequirement: UserVerificationRequirement.REQUIRED };

/** A session in which nothing but the user was checked. Returns its id. */
export const openSession = async (sessions: Sessions, userId: string, creation: Creation = {}): Promise<string> =>
  (await sessions.createSession({ ...creation, checks: { user: byId(userId) } })).sessionId;

/** Has a code, or several, made and returned. */
export async function askCodes(sessions: Sessions, sessionId: string): Promise<{ sms: string; email: string }> {
  const { challenges } = await sessions.setSession({ sessionId, challenges: returned });
  return { sms: challenges?.otpSms ?? '', email: challenges?.otpEmail ?? '' };
}

export interface Person {
  userId: string;
  username: string;
  email: string;
  phone: string;
}

/** With a password, an authenticator app (`totpSecret`), and one-time codes by SMS and e-mail. */
export async function createPerson(server: TestServer): Promise<Person> {
  const username = unique('person');
  const email = `${username}@example.net`;
  const phone = `+4178${unique('').padStart(7, '0')}`;
  const userId = await createHuman(server, {
    username,
    email: { email, verification: isVerified },
    phone: { phone, verification: isVerified },
    passwordType,
    totpSecret,
  });
  await server.as().users.addOTPSMS({ userId });
  await server.as().users.addOTPEmail({ userId });
  return { userId, username, email, phone };
}

/** What the app of a person shows now, or then. */
export const shown = ({ app }: TestServer, seconds = 0): string =>
  new TOTP({ secret: Secret.fromBase32(totpSecret) }).generate({ timestamp: app.clock().getTime() + seconds * 1000 });

/** As many digits that are no code of these. */
export const wrongOf = (code: string): string => code.replace(/^./, (digit) => String((Number(digit) + 1) % 10));

/** Registers an authenticator for `rpId`, or another one. */
export async function register(
  server: TestServer,
  userId: string,
  kind: 'passkey' | 'u2f',
  domain = rpId,
): Promise<Authenticator> {
  const { users } = server.as();
  const authenticator = new Authenticator();
  if (kind === 'passkey') {
    const { passkeyId, publicKeyCredentialCreationOptions: options = {} } = await users.registerPasskey({ userId, domain });
    const publicKeyCredential = authenticator.register(options, `https://${domain}`);
    await users.verifyPasskeyRegistration({ userId, passkeyId, publicKeyCredential, passkeyName: 'Phone' });
  } else {
    const { u2fId, publicKeyCredentialCreationOptions: options = {} } = await users.registerU2F({ userId, domain });
    const publicKeyCredential = authenticator.register(options, `https://${domain}`);
    await users.verifyU2FRegistration({ userId, u2fId, publicKeyCredential, tokenName: 'Key' });
  }
  return authenticator;
}

/** The challenge in the options of a sign-in. */
export function challengeIn(options: JsonObject | undefined): Buffer {
  const publicKey = options?.publicKey;
  const challenge = typeof publicKey === 'object' && publicKey && !Array.isArray(publicKey) ? publicKey.challenge : undefined;
  if (typeof challenge !== 'string') throw new Error(`no challenge in ${JSON.stringify(options)}`);
  return Buffer.from(challenge, 'base64url');
}

/** Somebody with all there is, and a session of his in which everything was asked for. */
export async function openWithAll(server: TestServer, sessions: Sessions) {
  const { users } = server.as();
  const { userId } = await createPerson(server);
  const authenticator = await register(server, userId, 'passkey');
  const { recoveryCodes } = await users.generateRecoveryCodes({ userId, count: 2 });
  const { sessionId, sessionToken, challenges } = await sessions.createSession({
    checks: { user: byId(userId) },
    challenges: { webAuthN: passkeyWanted, ...returned },
    metadata: { theme: new Uint8Array(Buffer.from('dark')) },
    lifetime: { seconds: 600n },
  });
  const challenge = challengeIn(challenges?.webAuthN?.publicKeyCredentialRequestOptions);
  const right = {
    password: { password },
    webAuthN: { credentialAssertionData: authenticator.assert(challenge, rpId, origin) },
    totp: { code: shown(server) },
    otpSms: { code: challenges?.otpSms ?? '' },
    otpEmail: { code: challenges?.otpEmail ?? '' },
    recoveryCode: { code: recoveryCodes[0] ?? '' },
  };
  return { userId, sessionId, sessionToken, right };
}

/** What clients of the original read of a refused password. */
export async function credentialsError(call: Promise<unknown>): Promise<CredentialsCheckError | undefined> {
  const refused = await call.then(
    () => undefined,
    (error: unknown) => ConnectError.from(error),
  );
  return refused?.findDetails(CredentialsCheckErrorSchema)[0];
}

/** All that a call may change for a session, its challenges and what is counted or used up of its user. */
export async function stateOf({ sql }: TestServer, userId: string, sessionId: string) {
  const guesses = await sql<{ kind: string; failures: number }[]>`
    select kind, failures from guesses where user_id = ${userId} and failures > 0`;
  const codes = await sql<{ channel: string; failures: number }[]>`
    select channel, failures from session_codes where session_id = ${sessionId}`;
  return {
    sessions: [...(await sql`select * from sessions where id = ${sessionId} or user_id = ${userId} order by id`)],
    challenges: [...(await sql`select * from session_challenges where session_id = ${sessionId}`)],
    codes: [...(await sql`select channel, hash, expires_at from session_codes where session_id = ${sessionId} order by channel`)],
    used: [
      ...(await sql`select last_step from totps where user_id = ${userId}`),
      ...(await sql`select count(*) from recovery_codes where user_id = ${userId}`),
      ...(await sql`select counter from webauthn_credentials where user_id = ${userId}`),
    ],
    /** Wrong tries by what was guessed. */
    tries: Object.fromEntries(guesses.map(({ kind, failures }) => [kind, failures])),
    codeFailures: Object.fromEntries(codes.map(({ channel, failures }) => [channel, failures])),
  };
}
