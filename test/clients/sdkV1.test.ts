// The management client of Zitadel's published SDK, with its own generated types, through the whole life of a user.
import { type Client, Code, ConnectError } from '@connectrpc/connect';
import { createServerTransport } from '@zitadel/client/node';
import { createManagementServiceClient } from '@zitadel/client/v1';
import { createUserServiceClient } from '@zitadel/client/v2';
import type { ManagementService } from '@zitadel/proto/zitadel/management_pb.js';
import { UserState } from '@zitadel/proto/zitadel/user/v2/user_pb.js';
import { Gender } from '@zitadel/proto/zitadel/user_pb.js';
import { beforeAll, expect, test } from 'vitest';
import { linkIn, messagesTo } from '../support/outbox.ts';
import { fillPage } from '../support/pages.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let management: Client<typeof ManagementService>;

beforeAll(async () => {
  server = await startServer();
  management = createManagementServiceClient(createServerTransport(server.token, { baseUrl: server.address }));
});

test('a user is created, initialised, changed, read, and refused when it is gone', async () => {
  const users = createUserServiceClient(createServerTransport(server.token, { baseUrl: server.address }));
  const email = 'ada@sdk.example.com';
  const profile = { firstName: 'Ada', lastName: 'Lovelace', displayName: 'Ada Lovelace' };
  const { userId, details } = await management.addHumanUser({ userName: 'ada', profile, email: { email } });
  expect([details?.creationDate !== undefined, details?.changeDate]).toEqual([true, undefined]);
  expect((await users.getUserByID({ userId })).user?.state).toBe(UserState.INITIAL);

  const link = linkIn((await messagesTo(server, email))[0]);
  const typed = { password: 'Passw0rd!', repeat: 'Passw0rd!' };
  expect((await fillPage(`${server.address}${link.pathname}${link.search}`, typed)).status).toBe(200);
  expect((await management.getHumanEmail({ userId })).email).toMatchObject({ email, isEmailVerified: true });

  await management.updateHumanProfile({ userId, ...profile, nickName: 'Countess', gender: Gender.FEMALE });
  expect((await management.getHumanProfile({ userId })).profile).toMatchObject({ nickName: 'Countess', gender: Gender.FEMALE });
  await management.updateHumanEmail({ userId, email: 'ada@other.example.com', isEmailVerified: true });
  await management.updateHumanPhone({ userId, phone: '+41446681800', isPhoneVerified: true });
  expect((await management.getHumanPhone({ userId })).phone).toMatchObject({ phone: '+41446681800', isPhoneVerified: true });
  await management.setHumanPassword({ userId, password: 'An0ther!One', noChangeRequired: true });
  await management.sendHumanResetPasswordNotification({ userId });
  await users.addOTPSMS({ userId });
  expect((await management.listHumanAuthFactors({ userId })).result.map(({ type }) => type.case)).toEqual(['otpSms']);
  await management.removeHumanAuthFactorOTPSMS({ userId });
  await management.removeHumanPhone({ userId });
  const { link: registration } = await management.addPasswordlessRegistration({ userId });
  expect(registration).toContain(`userID=${userId}`);
  expect((await management.listHumanPasswordless({ userId })).result).toEqual([]);

  const { user } = await users.getUserByID({ userId });
  expect(user).toMatchObject({ state: UserState.ACTIVE, username: 'ada' });
  expect(user?.type).toMatchObject({ case: 'human', value: { email: { email: 'ada@other.example.com', isVerified: true } } });
  await users.deleteUser({ userId });
  const error: unknown = await management.getHumanProfile({ userId }).catch((error: unknown) => error);
  expect(error instanceof ConnectError && error.code).toBe(Code.NotFound);
});

test('a service user is created', async () => {
  const { userId } = await management.addMachineUser({ userName: 'nightly', name: 'Nightly import' });
  expect(userId).toMatch(/^\d{18}$/);
});
