// Sessions of people, with any of the factors that there are, each to be set up, asked for, shown and taken away.
import type { JsonObject } from '@bufbuild/protobuf';
import { Secret, TOTP } from 'otpauth';
import { UserVerificationRequirement } from '../../gen/zitadel/session/v2/challenge_pb.ts';
import type { ChecksSchema } from '../../gen/zitadel/session/v2/session_service_pb.ts';
import { createHuman, knownPassword, type Plain, unique } from './actors.ts';
import { Authenticator } from './authenticator.ts';
import { remember } from './isolation/memory.ts';
import type { Clients, TestServer } from './server.ts';

const rpId = 'roster.example.com';
const origin = `https://${rpId}`;

export const secondFactors = ['u2f', 'totp', 'otpSms', 'otpEmail', 'recoveryCode'] as const;
export const everyFactor = ['password', 'passkey', ...secondFactors] as const;
export type Factor = (typeof everyFactor)[number];

interface Credential {
  id: string;
  authenticator: Authenticator;
}

/** What a person has and knows. */
export interface Person {
  userId: string;
  username: string;
  password: string;
  passkey?: Credential;
  u2f?: Credential;
  /** Of the authenticator app, base32. */
  secret?: string;
  recoveryCodes: string[];
}

/** Someone with a verified phone and these factors; in the organization that came with the instance when none is named. */
export async function createPerson(server: TestServer, factors: readonly Factor[], organizationId?: string): Promise<Person> {
  const username = unique('person');
  const password = 'Passw0rd!';
  const userId = await createHuman(server, {
    username,
    phone: { phone: '+41791234567', verification: { case: 'isVerified', value: true } },
    ...(organizationId !== undefined && { organizationId }),
    ...(factors.includes('password') && { passwordType: await knownPassword(password) }),
  });
  const person: Person = { userId, username, password, recoveryCodes: [] };
  for (const factor of factors) await equip(server, person, factor);
  return person;
}

const withPublicKey = (options: JsonObject = {}) => {
  const authenticator = new Authenticator();
  return { authenticator, publicKeyCredential: authenticator.register(options, origin) };
};

/** Sets a factor up, by the owner of the instance unless told otherwise; a password is there from the start. */
export async function equip(
  server: TestServer,
  person: Person,
  factor: Factor,
  { users }: Pick<Clients, 'users'> = server.as(),
): Promise<void> {
  const { userId } = person;
  switch (factor) {
    case 'password':
      return;
    case 'passkey': {
      const { passkeyId, publicKeyCredentialCreationOptions: options } = await users.registerPasskey({ userId });
      const { authenticator, publicKeyCredential } = withPublicKey(options);
      await users.verifyPasskeyRegistration({ userId, passkeyId, publicKeyCredential, passkeyName: 'Phone' });
      person.passkey = { id: passkeyId, authenticator };
      return;
    }
    case 'u2f': {
      const { u2fId, publicKeyCredentialCreationOptions: options } = await users.registerU2F({ userId });
      const { authenticator, publicKeyCredential } = withPublicKey(options);
      await users.verifyU2FRegistration({ userId, u2fId, publicKeyCredential, tokenName: 'Key' });
      person.u2f = { id: u2fId, authenticator };
      return;
    }
    case 'totp':
      person.secret = (await users.registerTOTP({ userId })).secret;
      await users.verifyTOTPRegistration({ userId, code: totpCode(server, person) });
      return;
    case 'otpSms':
      await users.addOTPSMS({ userId });
      return;
    case 'otpEmail':
      await users.addOTPEmail({ userId });
      return;
    case 'recoveryCode':
      person.recoveryCodes.push(...(await users.generateRecoveryCodes({ userId, count: 5 })).recoveryCodes);
  }
}

/** Takes a factor away; a password cannot be. */
export async function unequip({ users }: Pick<Clients, 'users'>, person: Person, factor: Factor): Promise<void> {
  const { userId } = person;
  switch (factor) {
    case 'password':
      throw new Error('a password cannot be removed');
    case 'passkey':
      await users.removePasskey({ userId, passkeyId: person.passkey?.id ?? '' });
      return;
    case 'u2f':
      await users.removeU2F({ userId, u2fId: person.u2f?.id ?? '' });
      return;
    case 'totp':
      await users.removeTOTP({ userId });
      return;
    case 'otpSms':
      await users.removeOTPSMS({ userId });
      return;
    case 'otpEmail':
      await users.removeOTPEmail({ userId });
      return;
    case 'recoveryCode':
      await users.removeRecoveryCodes({ userId });
  }
}

const totpCode = ({ app }: TestServer, { secret = '' }: Person): string =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: app.clock().getTime() });

/** A session with the token that it has now. */
export interface Session {
  id: string;
  token: string;
}

/** Whoever may write sessions, with the server and the person that they are about. */
export interface Desk {
  server: TestServer;
  login: Pick<Clients, 'sessions'>;
  person: Person;
}

export type Checks = Plain<typeof ChecksSchema>;

/** Asks for what a factor needs, and returns the right answer, for a later call. */
export async function ask(desk: Desk, session: Session, factor: Factor): Promise<Checks> {
  const { server, person } = desk;
  switch (factor) {
    case 'password':
      return { password: { password: person.password } };
    case 'passkey':
      return askForAssertion(desk, session, person.passkey, UserVerificationRequirement.REQUIRED);
    case 'u2f':
      return askForAssertion(desk, session, person.u2f, UserVerificationRequirement.DISCOURAGED);
    case 'totp':
      return { totp: { code: totpCode(server, person) } };
    case 'otpSms': {
      const made = await challenge(desk, session, { otpSms: { returnCode: true } });
      return { otpSms: { code: made?.otpSms ?? '' } };
    }
    case 'otpEmail': {
      const deliveryType = { case: 'returnCode', value: {} } as const;
      const made = await challenge(desk, session, { otpEmail: { deliveryType } });
      return { otpEmail: { code: made?.otpEmail ?? '' } };
    }
    case 'recoveryCode':
      return { recoveryCode: { code: person.recoveryCodes.pop() ?? '' } };
  }
}

type Challenges = NonNullable<Parameters<Clients['sessions']['setSession']>[0]['challenges']>;

async function challenge({ login }: Desk, session: Session, challenges: Challenges) {
  const { sessionToken, challenges: made } = await login.sessions.setSession({ sessionId: session.id, challenges });
  session.token = sessionToken;
  return made;
}

async function askForAssertion(
  desk: Desk,
  session: Session,
  credential: Credential | undefined,
  userVerificationRequirement: UserVerificationRequirement,
): Promise<Checks> {
  const made = await challenge(desk, session, { webAuthN: { domain: rpId, userVerificationRequirement } });
  const { publicKey } = made?.webAuthN?.publicKeyCredentialRequestOptions ?? {};
  const asked = typeof publicKey === 'object' && publicKey && 'challenge' in publicKey ? String(publicKey.challenge) : '';
  const present = userVerificationRequirement === UserVerificationRequirement.REQUIRED ? {} : { flags: 1 };
  const credentialAssertionData = credential?.authenticator.assert(Buffer.from(asked, 'base64url'), rpId, origin, present) ?? {};
  return { webAuthN: { credentialAssertionData } };
}

/** Opens a session in which these are checked, one call after another. */
export async function signIn(desk: Desk, factors: readonly Factor[] = ['password']): Promise<Session> {
  const user = { search: { case: 'userId', value: desk.person.userId } } as const;
  const { sessionId: id, sessionToken: token } = await desk.login.sessions.createSession({ checks: { user } });
  const session = { id, token };
  for (const factor of factors) await show(desk, session, factor);
  return session;
}

/** Checks a factor in a session. */
export const show = async (desk: Desk, session: Session, factor: Factor): Promise<void> =>
  check(desk, session, await ask(desk, session, factor));

/** Makes checks in a session, which has another token then. */
export async function check({ server, login, person }: Desk, session: Session, checks: Checks): Promise<void> {
  // The clock stands still, and no code is taken twice.
  if (checks.totp) await server.sql`update totps set last_step = null where user_id = ${person.userId}`;
  session.token = (await login.sessions.setSession({ sessionId: session.id, checks })).sessionToken;
}

export const openDesk = async (server: TestServer, login: Desk['login'], factors: readonly Factor[]): Promise<Desk> => ({
  server,
  login,
  person: await createPerson(server, factors),
});

/** Sessions that are good for everything, each by what was checked in it: one for each factor. */
const ways: Factor[][] = [['passkey'], ...secondFactors.map((second): Factor[] => ['password', second])];

/** The sessions that a person's factors are enough for, and for each factor one that waits for the answer to what was asked. */
export async function signInEverywhere(desk: Desk, factors: readonly Factor[]) {
  const sessions: { way: Factor[]; session: Session }[] = [];
  for (const way of ways.filter((each) => each.every((factor) => factors.includes(factor)))) {
    sessions.push({ way, session: await signIn(desk, way) });
  }
  const waiting: { factor: Factor; session: Session; answer: Checks }[] = [];
  for (const factor of factors.filter((each) => each !== 'password')) {
    const session = await signIn(desk, []);
    waiting.push({ factor, session, answer: await ask(desk, session, factor) });
  }
  return { sessions, waiting };
}

export type Everywhere = { desk: Desk } & Awaited<ReturnType<typeof signInEverywhere>>;

/** Somebody with these factors, signed in everywhere, once: each call of what is returned puts all back to how it was then. */
export async function prepareEverywhere(
  server: TestServer,
  login: Desk['login'],
  factors: readonly Factor[],
): Promise<() => Promise<Everywhere>> {
  const desk = await openDesk(server, login, factors);
  const { sessions, waiting } = await signInEverywhere(desk, factors);
  const { person } = desk;
  const recoveryCodes = [...person.recoveryCodes];
  const { undo } = await remember(server.sql);
  const again = <T extends { session: Session }>(each: T): T => ({ ...each, session: { ...each.session } });
  return async () => {
    await undo();
    return {
      desk: { ...desk, person: { ...person, recoveryCodes: [...recoveryCodes] } },
      sessions: sessions.map(again),
      waiting: waiting.map(again),
    };
  };
}
