import type { LinkCode } from '../features/user/registrationLink.ts';

/** Characters at most, as the RPCs take them. */
const maximumLength = 200;

/** Whom a registration link is for, and what proves it. */
export interface LinkFields {
  userId: string;
  code: LinkCode;
}

/** Undefined where a part is missing: there is nothing to fill in by hand. */
export function linkFieldsOf(parameters: URLSearchParams): LinkFields | undefined {
  const [userId = '', id = '', code = ''] = ['userID', 'codeID', 'code'].map((name) => parameters.get(name)?.trim());
  const sound = [userId, id, code].every((value) => value !== '' && value.length <= maximumLength && !value.includes('\0'));
  return sound ? { userId, code: { id, code } } : undefined;
}

/** As they stand in a form. */
export const formFieldsOf = ({ userId, code }: LinkFields): Record<string, string> => ({
  userID: userId,
  codeID: code.id,
  code: code.code,
});
