import type { ServiceImpl } from '@connectrpc/connect';
import { SessionFieldName } from '../../../gen/zitadel/session/v2/session_pb.ts';
import type { SessionService } from '../../../gen/zitadel/session/v2/session_service_pb.ts';
import { callOf } from '../../kernel/context.ts';
import { pageOf } from '../../kernel/paging.ts';
import { toListDetails } from '../user/convert.ts';
import { fromMade, toAdditions, toDetails, toFilter, toSession, toUserAgent } from './convert.ts';
import { createSession, deleteSession, getSession, listSessions, setSession } from './service.ts';

export const sessionHandlers = {
  async createSession(request, context) {
    const { written, token, made } = await createSession(callOf(context), toAdditions(request), toUserAgent(request.userAgent));
    const challenges = request.challenges && fromMade(made);
    return { details: toDetails(written), sessionId: written.id, sessionToken: token, challenges };
  },

  async setSession(request, context) {
    const { written, token, made } = await setSession(callOf(context), request.sessionId, toAdditions(request));
    return { details: toDetails(written), sessionToken: token, challenges: request.challenges && fromMade(made) };
  },

  async getSession({ sessionId, sessionToken = '' }, context) {
    return { session: toSession(await getSession(callOf(context), sessionId, sessionToken)) };
  },

  async listSessions({ query, queries, sortingColumn }, context) {
    const call = callOf(context);
    const { sessions, total } = await listSessions(call, {
      filters: queries.map((condition, index) => toFilter(condition, index, call.caller.id)),
      sorting: sortingColumn === SessionFieldName.CREATION_DATE ? 'createdAt' : 'id',
      page: pageOf(query, 'query'),
    });
    return { details: toListDetails(total, call.now), sessions: sessions.map(toSession) };
  },

  async deleteSession({ sessionId, sessionToken = '' }, context) {
    const ended = await deleteSession(callOf(context), sessionId, sessionToken);
    return { details: ended ? toDetails(ended) : {} };
  },
} satisfies ServiceImpl<typeof SessionService>;
