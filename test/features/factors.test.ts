import { hashRaw } from '@node-rs/argon2';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AuthFactorState } from '../../gen/zitadel/user/v2/user_pb.ts';
import { AuthenticationMethodType, AuthFactors } from '../../gen/zitadel/user/v2/user_service_pb.ts';
import { prepareRecoveryCode, useRecoveryCode } from '../../src/features/recovery/service.ts';
import { transaction } from '../../src/kernel/call.ts';
import { operatorCall } from '../../src/system.ts';
import { actAs, createHuman, createMachine, createStranger } from '../support/actors.ts';
import { Authenticator } from '../support/authenticator.ts';
import { outcome } from '../support/errors.ts';
import { createProvider } from '../support/providers.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';

const verified = { case: 'isVerified', value: true } as const;
const { PASSWORD, PASSKEY, TOTP, U2F, OTP_SMS, OTP_EMAIL, RECOVERY_CODE, IDP } = AuthenticationMethodType;

let server: TestServer;
let users: Clients['users'];

beforeAll(async () => {
  server = await startServer();
  users = server.as().users;
});

beforeEach(() => server.setTime(epoch));

const withPhone = () => createHuman(server, { phone: { phone: '+41781234567', verification: verified } });

describe('one-time codes by SMS and e-mail', () => {
  test('are added once and removed once, while the number and the address are verified', async () => {
    const userId = await withPhone();
    const ways = [
      [users.addOTPSMS, users.removeOTPSMS],
      [users.addOTPEmail, users.removeOTPEmail],
    ] as const;
    for (const [add, remove] of ways) {
      expect(await outcome(remove({ userId }))).toBe('NotFound OTP_NOT_FOUND');
      expect(await outcome(add({ userId }))).toBe('ok');
      expect(await outcome(add({ userId }))).toBe('AlreadyExists OTP_EXISTS');
      expect(await outcome(remove({ userId }))).toBe('ok');
      expect(await outcome(remove({ userId }))).toBe('NotFound OTP_NOT_FOUND');
    }
  });

  test('need the address and the number of now to be verified', async () => {
    const userId = await withPhone();
    await users.setPhone({ userId, phone: '+41781234568' });
    await users.setEmail({ userId, email: 'somebody.else@example.net' });
    expect(await outcome(users.addOTPSMS({ userId }))).toBe('FailedPrecondition PHONE_NOT_VERIFIED');
    expect(await outcome(users.addOTPEmail({ userId }))).toBe('FailedPrecondition EMAIL_NOT_VERIFIED');
    expect(await outcome(users.addOTPSMS({ userId: await createHuman(server) }))).toBe('FailedPrecondition PHONE_NOT_VERIFIED');
  });

  test('by SMS go with the number', async () => {
    const userId = await withPhone();
    await users.addOTPSMS({ userId });
    await users.removePhone({ userId });
    await users.setPhone({ userId, phone: '+41781234567', verification: verified });
    expect(await outcome(users.addOTPSMS({ userId }))).toBe('ok');
  });

  test('are for people', async () => {
    const machine = await createMachine(server);
    for (const call of [users.addOTPSMS, users.addOTPEmail, users.removeOTPSMS, users.removeOTPEmail]) {
      expect(await outcome(call({ userId: machine }))).toBe('NotFound USER_NOT_FOUND');
    }
  });
});

describe('recovery codes', () => {
  /** A sign-in's check. */
  const use = async (userId: string, typed: string) => {
    const call = operatorCall(server.app);
    const prepared = await prepareRecoveryCode(call, userId, typed);
    return prepared && transaction(call, (tx) => useRecoveryCode(tx, userId, prepared));
  };

  test('are shown once, and each is right once, however it is typed', async () => {
    const userId = await createHuman(server);
    const { recoveryCodes } = await users.generateRecoveryCodes({ userId, count: 3 });
    expect(new Set(recoveryCodes).size).toBe(3);
    for (const code of recoveryCodes) expect(code).toMatch(/^[0-9a-hjkmnp-tv-z]{5}-[0-9a-hjkmnp-tv-z]{5}$/);
    const [first = '', second = '', third = ''] = recoveryCodes;
    expect(await use(userId, first)).toBe(true);
    expect(await use(userId, first)).toBe(false);
    const asTyped = second.toUpperCase().replace('-', '').replaceAll('0', 'O').replaceAll('1', 'l');
    expect(await use(userId, asTyped)).toBe(true);
    expect(await use(userId, `${third}0`)).toBe(false);
    expect(await use(await createHuman(server), third)).toBeUndefined();
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => use(userId, third)));
    expect(outcomes.filter((each) => each === true)).toHaveLength(1);
  });

  test('are stored as argon2id hashes, under one salt until all are removed', async () => {
    const userId = await createHuman(server);
    const generate = async () => (await users.generateRecoveryCodes({ userId, count: 2 })).recoveryCodes;
    const saltNow = async () => {
      const rows = await server.sql<{ salt: Buffer }[]>`select salt from recovery_salts where user_id = ${userId}`;
      expect(rows).toHaveLength(1);
      return rows[0]?.salt ?? Buffer.alloc(0);
    };
    const shown = [...(await generate()), ...(await generate())];
    const salt = await saltNow();
    expect(salt).toHaveLength(16);
    const argon2id = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1, salt };
    const hashes = await Promise.all(shown.map((code) => hashRaw(code.replace('-', ''), argon2id)));
    const rows = await server.sql<{ hash: Buffer }[]>`select hash from recovery_codes where user_id = ${userId}`;
    const inHex = (all: readonly Buffer[]) => all.map((hash) => hash.toString('hex')).toSorted();
    expect(inHex(rows.map(({ hash }) => hash))).toEqual(inHex(hashes));
    await users.removeRecoveryCodes({ userId });
    await generate();
    expect(await saltNow()).not.toEqual(salt);
  });

  test('are added to the unused ones, up to ten', async () => {
    const userId = await createHuman(server);
    const tooMany = 'FailedPrecondition RECOVERY_CODES_TOO_MANY';
    const generate = (count: number) => outcome(users.generateRecoveryCodes({ userId, count }));
    expect(await generate(11)).toBe(tooMany);
    const { recoveryCodes } = await users.generateRecoveryCodes({ userId, count: 6 });
    expect(await generate(5)).toBe(tooMany);
    expect(await generate(4)).toBe('ok');
    expect(await generate(1)).toBe(tooMany);
    await use(userId, recoveryCodes[0] ?? '');
    expect(await generate(1)).toBe('ok');
    for (const count of [0, 51, -1]) expect(await generate(count)).toBe('InvalidArgument INVALID_REQUEST');
  });

  test('never exceed ten when several ask at once', async () => {
    const userId = await createHuman(server);
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, () => outcome(users.generateRecoveryCodes({ userId, count: 5 }))),
    );
    expect(outcomes.filter((each) => each === 'ok')).toHaveLength(2);
  });

  test('are all removed, none there is no change, and a locked user keeps his', async () => {
    const userId = await createHuman(server);
    const { recoveryCodes } = await users.generateRecoveryCodes({ userId, count: 2 });
    await users.lockUser({ userId });
    expect(await outcome(users.removeRecoveryCodes({ userId }))).toBe('FailedPrecondition USER_LOCKED');
    await users.unlockUser({ userId });
    const { details } = await users.removeRecoveryCodes({ userId });
    expect(await use(userId, recoveryCodes[0] ?? '')).toBeUndefined();
    expect((await users.removeRecoveryCodes({ userId })).details?.sequence).toBe(details?.sequence);
    expect(await outcome(users.removeRecoveryCodes({ userId: 'nobody' }))).toBe('NotFound USER_NOT_FOUND');
    expect(await outcome(users.generateRecoveryCodes({ userId: 'nobody', count: 1 }))).toBe('FailedPrecondition USER_UNKNOWN');
  });
});

describe('what somebody can sign in with', () => {
  async function passkey(userId: string, kind: 'passkey' | 'u2f', domain: string): Promise<void> {
    const origin = `https://${domain || 'roster.example.com'}`;
    const authenticator = new Authenticator();
    if (kind === 'passkey') {
      const { passkeyId, publicKeyCredentialCreationOptions: options = {} } = await users.registerPasskey({ userId, domain });
      const publicKeyCredential = authenticator.register(options, origin);
      await users.verifyPasskeyRegistration({ userId, passkeyId, publicKeyCredential, passkeyName: domain || 'own' });
      return;
    }
    const { u2fId, publicKeyCredentialCreationOptions: options = {} } = await users.registerU2F({ userId, domain });
    const publicKeyCredential = authenticator.register(options, origin);
    await users.verifyU2FRegistration({ userId, u2fId, publicKeyCredential, tokenName: domain || 'own' });
  }

  const methods = async (userId: string, domain?: string, includeWithoutDomain = false) => {
    const domainQuery = domain === undefined ? {} : { domainQuery: { domain, includeWithoutDomain } };
    const { authMethodTypes, details } = await users.listAuthenticationMethodTypes({ userId, ...domainQuery });
    expect(details?.totalResult).toBe(BigInt(authMethodTypes.length));
    return authMethodTypes;
  };

  test('is listed as it is now: what is ready, each once', async () => {
    const userId = await withPhone();
    expect(await methods(userId)).toEqual([]);
    await users.registerTOTP({ userId });
    await users.registerPasskey({ userId });
    expect(await methods(userId)).toEqual([]);
    await users.setPassword({ userId, newPassword: { password: 'First-Secret-1' } });
    await passkey(userId, 'passkey', '');
    await passkey(userId, 'passkey', 'example.org');
    await passkey(userId, 'u2f', 'example.org');
    await users.addOTPSMS({ userId });
    await users.addOTPEmail({ userId });
    await users.generateRecoveryCodes({ userId, count: 1 });
    const idpId = await createProvider(server);
    for (const account of ['one', 'two']) await users.addIDPLink({ userId, idpLink: { idpId, userId: account, userName: 'x' } });
    expect(await methods(userId)).toEqual([U2F, PASSKEY, OTP_SMS, OTP_EMAIL, RECOVERY_CODE, PASSWORD, IDP]);
    expect(await methods(userId, 'example.com')).toEqual([OTP_SMS, OTP_EMAIL, RECOVERY_CODE, PASSWORD, IDP]);
    expect(await methods(userId, 'example.com', true)).toEqual([PASSKEY, OTP_SMS, OTP_EMAIL, RECOVERY_CODE, PASSWORD, IDP]);
    expect(await methods(userId, 'example.org')).toEqual([U2F, PASSKEY, OTP_SMS, OTP_EMAIL, RECOVERY_CODE, PASSWORD, IDP]);
    for (const linkedUserId of ['one', 'two']) await users.removeIDPLink({ userId, idpId, linkedUserId });
    await users.removeOTPSMS({ userId });
    await users.removeRecoveryCodes({ userId });
    expect(await methods(userId, 'example.com')).toEqual([OTP_EMAIL, PASSWORD]);
  });

  test('an imported TOTP secret is one', async () => {
    expect(await methods(await createHuman(server, { totpSecret: 'JBSWY3DPEHPK3PXP' }))).toEqual([TOTP]);
  });

  test('second factors are listed by kind and by state', async () => {
    const userId = await withPhone();
    await users.registerTOTP({ userId });
    await passkey(userId, 'u2f', '');
    await users.registerU2F({ userId });
    await users.addOTPSMS({ userId });
    const list = async (authFactors: AuthFactors[], states: AuthFactorState[]) =>
      (await users.listAuthenticationFactors({ userId, authFactors, states })).result.map(({ state, type }) => [
        type.case,
        state,
      ]);
    const { READY, NOT_READY, REMOVED } = AuthFactorState;
    expect(await list([], [])).toEqual([
      ['u2f', READY],
      ['otpSms', READY],
    ]);
    expect(await list([], [NOT_READY])).toEqual([
      ['otp', NOT_READY],
      ['u2f', NOT_READY],
    ]);
    expect(await list([AuthFactors.U2F], [READY, NOT_READY])).toEqual([
      ['u2f', READY],
      ['u2f', NOT_READY],
    ]);
    expect(await list([AuthFactors.OTP_EMAIL], [READY])).toEqual([]);
    expect(await list([], [REMOVED])).toEqual([]);
  });

  test('is for those to know who see the user', async () => {
    const self = await actAs(server, await createHuman(server));
    const stranger = await createStranger(server);
    for (const list of ['listAuthenticationMethodTypes', 'listAuthenticationFactors'] as const) {
      expect(await outcome(self.users[list]({ userId: self.id }))).toBe('ok');
      expect(await outcome(stranger.users[list]({ userId: self.id }))).toBe('NotFound USER_NOT_FOUND');
      expect(await outcome(users[list]({ userId: 'nobody' }))).toBe('ok');
    }
  });
});
