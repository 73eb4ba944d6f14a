import { codeWithId } from '../../kernel/codes/codes.ts';

/** The code of a registration link, which stands for the user's own call. */
export interface LinkCode {
  id: string;
  code: string;
}

/** How a call is proven by the code of a registration link. */
export const linkProof = (userId: string, { id, code }: LinkCode) =>
  ({
    userId,
    purpose: 'passkey',
    code: codeWithId(id, code),
    wrong: 'CODE_INVALID',
    absent: 'CODE_INVALID',
    states: ['active'],
  }) as const;
