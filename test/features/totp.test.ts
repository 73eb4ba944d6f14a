import { Secret, TOTP } from 'otpauth';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { registerByLink, verifyByLink } from '../../src/features/totp/byLink.ts';
import { checkTotp } from '../../src/features/totp/service.ts';
import { transaction } from '../../src/kernel/call.ts';
import { operatorCall } from '../../src/system.ts';
import { actAs, createHuman, createMachine, readHuman } from '../support/actors.ts';
import { brokenFields, outcome } from '../support/errors.ts';
import { type Clients, epoch, startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let users: Clients['users'];

beforeAll(async () => {
  server = await startServer();
  users = server.as().users;
});

beforeEach(() => server.setTime(epoch));

const at = (seconds: number) => new Date(epoch.getTime() + seconds * 1000);
/** What an app shows then. */
const shown = (secret: string, seconds = 0) =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: at(seconds).getTime() });
const wrong = (code: string) => (code === '000000' ? '000001' : '000000');
const verify = (userId: string, code: string) => outcome(users.verifyTOTPRegistration({ userId, code }));

async function ready(userId: string): Promise<string> {
  const { secret } = await users.registerTOTP({ userId });
  await users.verifyTOTPRegistration({ userId, code: shown(secret) });
  return secret;
}

/** A sign-in's check. */
const check = (userId: string, code: string) => transaction(operatorCall(server.app), (tx) => checkTotp(tx, userId, code));

describe('RegisterTOTP', () => {
  test('gives a secret as text and for a QR code, which counts once a code of it came back', async () => {
    const userId = await createHuman(server, { username: 'ada totp@example.net' });
    const { uri, secret, details } = await users.registerTOTP({ userId });
    expect(details?.sequence).toBe((await readHuman(server, userId)).details.sequence);
    expect(secret).toMatch(/^[A-Z2-7]{32}$/);
    const url = new URL(uri);
    expect(uri.startsWith('otpauth://totp/Roster:ada%20totp%40example.net?')).toBe(true);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      issuer: 'Roster',
      secret,
      algorithm: 'SHA1',
      digits: '6',
      period: '30',
    });
    expect(await check(userId, shown(secret))).toBeUndefined();
    expect(await verify(userId, wrong(shown(secret)))).toBe('InvalidArgument CODE_WRONG');
    expect(await verify(userId, shown(secret))).toBe('ok');
    expect(await verify(userId, shown(secret))).toBe('FailedPrecondition TOTP_READY');
    expect(await outcome(users.registerTOTP({ userId }))).toBe('AlreadyExists TOTP_EXISTS');
  });

  test('again before that gives another secret', async () => {
    const userId = await createHuman(server);
    const { secret: first } = await users.registerTOTP({ userId });
    const { secret: second } = await users.registerTOTP({ userId });
    expect(await verify(userId, shown(first))).toBe('InvalidArgument CODE_WRONG');
    expect(await verify(userId, shown(second))).toBe('ok');
  });

  test('keeps the secret sealed', async () => {
    const userId = await createHuman(server);
    const { secret } = await users.registerTOTP({ userId });
    const [row] = await server.sql<{ secret: Buffer }[]>`select secret from totps where user_id = ${userId}`;
    expect(row?.secret.toString('latin1')).not.toContain(secret);
  });

  test('one that is taken over holds a byte at least', async () => {
    for (const totpSecret of ['A', 'a=======', '=', '1', 'AA AA']) {
      expect(await brokenFields(createHuman(server, { totpSecret })), totpSecret).toEqual(['human.totp_secret']);
    }
    for (const totpSecret of ['AA', 'secret', 'aa======']) {
      const userId = await createHuman(server, { totpSecret });
      expect(await check(userId, shown(totpSecret))).toBe(true);
    }
  });

  test('nobody and a machine have none to register, verify or remove', async () => {
    for (const userId of ['nobody', await createMachine(server)]) {
      expect(await outcome(users.registerTOTP({ userId }))).toBe('FailedPrecondition USER_UNKNOWN');
      expect(await verify(userId, '000000')).toBe('NotFound TOTP_NOT_FOUND');
      expect(await outcome(users.removeTOTP({ userId }))).toBe('NotFound USER_NOT_FOUND');
    }
    expect(await verify(await createHuman(server), '000000')).toBe('NotFound TOTP_NOT_FOUND');
  });
});

describe('a code', () => {
  test('may be one step early or late, no more, and no step counts twice', async () => {
    const userId = await createHuman(server);
    const { secret } = await users.registerTOTP({ userId });
    for (const seconds of [-60, 60]) expect(await verify(userId, shown(secret, seconds))).toBe('InvalidArgument CODE_WRONG');
    expect(await verify(userId, shown(secret, -30))).toBe('ok');
    expect(await check(userId, shown(secret, -30))).toBe(false);
    expect(await check(userId, shown(secret, 30))).toBe(true);
    // An earlier step than the last one that was taken is over.
    expect(await check(userId, shown(secret, 0))).toBe(false);
    server.setTime(at(60));
    expect(await check(userId, shown(secret, 30))).toBe(false);
    expect(await check(userId, shown(secret, 60))).toBe(true);
  });

  test('that no app shows is wrong like any other', async () => {
    const userId = await createHuman(server);
    const secret = await ready(userId);
    const pending = await createHuman(server);
    await users.registerTOTP({ userId: pending });
    for (const code of ['１２３４５６', '12345é', '١٢٣٤٥٦', '😀😀😀', ' 12345', '12345']) {
      expect(await check(userId, code), code).toBe(false);
      server.setTime(new Date(server.app.clock().getTime() + 600_000));
      expect(await verify(pending, code), code).toBe('InvalidArgument CODE_WRONG');
    }
    expect(await check(userId, shown(secret, 6 * 600))).toBe(true);
  });

  test('is right for one of fifty at once', async () => {
    const userId = await createHuman(server);
    const secret = await ready(userId);
    server.setTime(at(30));
    const checks = await Promise.all(Array.from({ length: 50 }, () => check(userId, shown(secret, 30))));
    expect(checks.filter((each) => each === true)).toHaveLength(1);
  });

  test('is verified by one of fifty at once, and guessed at five times before one has to wait', async () => {
    const userId = await createHuman(server);
    const { secret } = await users.registerTOTP({ userId });
    const guesses = await Promise.all(Array.from({ length: 50 }, () => verify(userId, wrong(shown(secret)))));
    expect(guesses.filter((each) => each === 'InvalidArgument CODE_WRONG')).toHaveLength(5);
    expect(await verify(userId, shown(secret))).toBe('ResourceExhausted TRIED_TOO_OFTEN');
    server.setTime(at(600));
    const right = await Promise.all(Array.from({ length: 50 }, () => verify(userId, shown(secret, 600))));
    expect(right.filter((each) => each === 'ok')).toHaveLength(1);
  });

  // RFC 6238, appendix B: the secret of SHA-1, the last six of its eight digits.
  test.each([
    [59, '287082'],
    [1111111109, '081804'],
    [1111111111, '050471'],
    [1234567890, '005924'],
    [2000000000, '279037'],
    [20000000000, '353130'],
  ])('at %d is what the standard says', async (seconds, code) => {
    const totpSecret = Secret.fromLatin1('12345678901234567890').base32;
    const userId = await createHuman(server, { totpSecret });
    server.setTime(new Date(seconds * 1000));
    expect(await check(userId, code)).toBe(true);
  });
});

describe('the end', () => {
  test('comes once, before or after verification', async () => {
    const userId = await createHuman(server);
    await users.registerTOTP({ userId });
    expect(await outcome(users.removeTOTP({ userId }))).toBe('ok');
    const secret = await ready(userId);
    expect(await outcome(users.removeTOTP({ userId }))).toBe('ok');
    expect(await outcome(users.removeTOTP({ userId }))).toBe('NotFound TOTP_NOT_FOUND');
    expect(await check(userId, shown(secret, 30))).toBeUndefined();
  });

  const falls = ['lockUser', 'deactivateUser', 'deleteUser'] as const;
  const isReady = async (userId: string) => (await server.sql`select from totps where user_id = ${userId} and ready`).length > 0;

  test.each([
    ['lockUser', 'FailedPrecondition USER_NOT_ACTIVE'],
    ['deactivateUser', 'FailedPrecondition USER_NOT_ACTIVE'],
    ['deleteUser', 'NotFound TOTP_NOT_FOUND'],
  ] as const)('after %s in between, nobody finishes', async (fall, told) => {
    const userId = await createHuman(server);
    const { secret } = await users.registerTOTP({ userId });
    await users[fall]({ userId });
    expect(await verify(userId, shown(secret))).toBe(told);
    expect(await isReady(userId)).toBe(false);
  });

  test.each(falls)('after %s in between, nobody finishes by the link', async (fall) => {
    const userId = await createHuman(server);
    const medium = { case: 'returnCode', value: {} } as const;
    const { code: sent } = await users.createPasskeyRegistrationLink({ userId, medium });
    const link = { id: sent?.id ?? '', code: sent?.code ?? '' };
    const call = operatorCall(server.app);
    const { secret } = await registerByLink(call, userId, link);
    await users[fall]({ userId });
    const told = fall === 'deleteUser' ? 'NotFound USER_NOT_FOUND' : 'InvalidArgument CODE_INVALID';
    expect(await outcome(verifyByLink(call, userId, link, shown(secret)))).toBe(told);
    expect(await isReady(userId)).toBe(false);
  });

  test('somebody himself does all of it', async () => {
    const self = await actAs(server, await createHuman(server));
    const { id: userId } = self;
    const { secret } = await self.users.registerTOTP({ userId });
    expect(await outcome(self.users.verifyTOTPRegistration({ userId, code: shown(secret) }))).toBe('ok');
    expect(await outcome(self.users.removeTOTP({ userId }))).toBe('ok');
  });
});
