import type { ServiceImpl } from '@connectrpc/connect';
import { PasskeyAuthenticator } from '../../../gen/zitadel/user/v2/auth_pb.ts';
import { AuthFactorState } from '../../../gen/zitadel/user/v2/user_pb.ts';
import type { CreatePasskeyRegistrationLinkRequest, UserService } from '../../../gen/zitadel/user/v2/user_service_pb.ts';
import { callOf } from '../../kernel/context.ts';
import { toDetails, toListDetails } from '../user/convert.ts';
import type { Attachment } from './registration.ts';
import {
  createPasskeyRegistrationLink,
  type LinkDelivery,
  listPasskeys,
  registerPasskey,
  registerU2F,
  removePasskey,
  removeU2F,
  verifyPasskeyRegistration,
  verifyU2FRegistration,
} from './service.ts';

export const passkeyHandlers = {
  async registerPasskey({ userId, code, authenticator, domain }, context) {
    const beginning = { domain, attachment: attachmentOf(authenticator), code };
    const { details, id, options } = await registerPasskey(callOf(context), userId, beginning);
    return { details: toDetails(details), passkeyId: id, publicKeyCredentialCreationOptions: options };
  },

  async verifyPasskeyRegistration({ userId, passkeyId, publicKeyCredential = {}, passkeyName }, context) {
    const registered = { id: passkeyId, credential: publicKeyCredential, name: passkeyName };
    return { details: toDetails(await verifyPasskeyRegistration(callOf(context), userId, registered)) };
  },

  async createPasskeyRegistrationLink({ userId, medium }, context) {
    const { details, code } = await createPasskeyRegistrationLink(callOf(context), userId, toDelivery(medium));
    return { details: toDetails(details), code };
  },

  async listPasskeys({ userId }, context) {
    const call = callOf(context);
    const passkeys = await listPasskeys(call, userId);
    const result = passkeys.map(({ id, name }) => ({ id, name, state: AuthFactorState.READY }));
    return { details: toListDetails(result.length, call.now), result };
  },

  async removePasskey({ userId, passkeyId }, context) {
    return { details: toDetails(await removePasskey(callOf(context), userId, passkeyId)) };
  },

  async registerU2F({ userId, domain }, context) {
    const { details, id, options } = await registerU2F(callOf(context), userId, domain);
    return { details: toDetails(details), u2fId: id, publicKeyCredentialCreationOptions: options };
  },

  async verifyU2FRegistration({ userId, u2fId, publicKeyCredential = {}, tokenName }, context) {
    const registered = { id: u2fId, credential: publicKeyCredential, name: tokenName };
    return { details: toDetails(await verifyU2FRegistration(callOf(context), userId, registered)) };
  },

  async removeU2F({ userId, u2fId }, context) {
    return { details: toDetails(await removeU2F(callOf(context), userId, u2fId)) };
  },
} satisfies Partial<ServiceImpl<typeof UserService>>;

/** A wire number that the enum does not know counts as unspecified. */
function attachmentOf(authenticator: PasskeyAuthenticator): Attachment {
  switch (authenticator) {
    case PasskeyAuthenticator.PLATFORM:
      return 'platform';
    case PasskeyAuthenticator.CROSS_PLATFORM:
      return 'cross-platform';
    case PasskeyAuthenticator.UNSPECIFIED:
      return undefined;
  }
  return undefined;
}

function toDelivery(choice: CreatePasskeyRegistrationLinkRequest['medium']): LinkDelivery {
  switch (choice.case) {
    case 'returnCode':
      return { kind: 'return' };
    case 'sendLink':
      return { kind: 'send', urlTemplate: choice.value.urlTemplate };
    case undefined:
      return { kind: 'send' };
  }
}
