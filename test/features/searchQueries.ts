import type { MessageInitShape } from '@bufbuild/protobuf';
import { ByteFilterMethod, TextFilterMethod } from '../../gen/zitadel/filter/v2/filter_pb.ts';
import type { TextQueryMethod } from '../../gen/zitadel/object/v2/object_pb.ts';
import type { SearchQuerySchema, UserFieldName } from '../../gen/zitadel/user/v2/query_pb.ts';

export type Query = MessageInitShape<typeof SearchQuerySchema>;

export interface ListRequest {
  query?: { offset?: bigint; limit?: number; asc?: boolean };
  sortingColumn?: UserFieldName;
  queries?: Query[];
}

export const textFields = [
  'username',
  'loginName',
  'givenName',
  'familyName',
  'nickName',
  'displayName',
  'email',
  'phone',
] as const;
export type TextField = (typeof textFields)[number];

export function textQuery(field: TextField, method: TextQueryMethod, text: string): Query {
  switch (field) {
    case 'username':
      return { query: { case: 'userNameQuery', value: { userName: text, method } } };
    case 'loginName':
      return { query: { case: 'loginNameQuery', value: { loginName: text, method } } };
    case 'givenName':
      return { query: { case: 'firstNameQuery', value: { firstName: text, method } } };
    case 'familyName':
      return { query: { case: 'lastNameQuery', value: { lastName: text, method } } };
    case 'nickName':
      return { query: { case: 'nickNameQuery', value: { nickName: text, method } } };
    case 'displayName':
      return { query: { case: 'displayNameQuery', value: { displayName: text, method } } };
    case 'email':
      return { query: { case: 'emailQuery', value: { emailAddress: text, method } } };
    case 'phone':
      return { query: { case: 'phoneQuery', value: { number: text, method } } };
  }
}

export const allOf = (...queries: Query[]): Query => ({ query: { case: 'andQuery', value: { queries } } });
export const anyOf = (...queries: Query[]): Query => ({ query: { case: 'orQuery', value: { queries } } });
export const not = (query: Query): Query => ({ query: { case: 'notQuery', value: { query } } });
export const ids = (userIds: string[]): Query => ({ query: { case: 'inUserIdsQuery', value: { userIds } } });
export const emails = (userEmails: string[]): Query => ({ query: { case: 'inUserEmailsQuery', value: { userEmails } } });
export const inOrganization = (organizationId: string): Query => ({
  query: { case: 'organizationIdQuery', value: { organizationId } },
});

export const key = (text: string, method: TextFilterMethod = TextFilterMethod.EQUALS): Query => ({
  query: { case: 'metadataKeyFilter', value: { key: text, method } },
});

export const value = (bytes: Uint8Array | string, method: ByteFilterMethod = ByteFilterMethod.EQUALS): Query => ({
  query: { case: 'metadataValueFilter', value: { value: new Uint8Array(Buffer.from(bytes)), method } },
});
