import type { ServiceImpl } from '@connectrpc/connect';
import type { UserService } from '../../../gen/zitadel/user/v2/user_service_pb.ts';
import { callOf } from '../../kernel/context.ts';
import { failure } from '../../kernel/errors.ts';
import type { Journey } from '../idp/identity.ts';
import { toInformation, toIntentDetails, toProposal } from './convert.ts';
import { retrieveIdentityProviderIntent, type Started, startJourney, startWithPassword } from './service.ts';

export const intentHandlers = {
  async startIdentityProviderIntent({ idpId, content }, context) {
    const call = callOf(context);
    switch (content.case) {
      case 'urls': {
        const { successUrl, failureUrl, loginHint = '' } = content.value;
        return toStarted(await startJourney(call, idpId, { success: successUrl, failure: failureUrl, loginHint }));
      }
      case 'ldap': {
        const { username, password } = content.value;
        return toStarted(await startWithPassword(call, idpId, { userName: username, password }));
      }
      case undefined:
        throw failure('NOT_IMPLEMENTED');
    }
  },

  async retrieveIdentityProviderIntent({ idpIntentId, idpIntentToken }, context) {
    const retrieved = await retrieveIdentityProviderIntent(callOf(context), idpIntentId, idpIntentToken);
    const { intent, instanceId, identity } = retrieved;
    return {
      details: toIntentDetails({ ...intent, instanceId }),
      idpInformation: toInformation(intent, identity),
      ...toProposal(retrieved),
    };
  },
} satisfies Partial<ServiceImpl<typeof UserService>>;

function toStarted(started: Started) {
  const details = toIntentDetails(started.written);
  switch (started.kind) {
    case 'journey':
      return { details, nextStep: toNextStep(started.journey) };
    case 'finished': {
      const { token, userId, written } = started;
      return {
        details,
        nextStep: { case: 'idpIntent', value: { idpIntentId: written.id, idpIntentToken: token, userId } } as const,
      };
    }
  }
}

function toNextStep(journey: Journey) {
  switch (journey.kind) {
    case 'redirect':
      return { case: 'authUrl', value: journey.url } as const;
    case 'form':
      return { case: 'formData', value: { url: journey.url, fields: journey.fields } } as const;
  }
}
