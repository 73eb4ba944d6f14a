import { fill } from '../kernel/wording.ts';
import type { Problem } from './layout.ts';
import type { PageTexts } from './texts.ts';

/** Characters at most, as the RPCs take them. */
const maximumId = 200;
export const maximumCode = 20;
const maximumPassword = 200;

/** What a form, or a link, says. */
export interface Fields {
  userId: string;
  code: string;
  password: string;
  repeat: string;
  /** Whether whoever the link is for has a password, as the link says. */
  passwordSet: boolean;
}

export const fieldsOf = (parameters: URLSearchParams): Fields => ({
  userId: parameters.get('userID') ?? '',
  code: (parameters.get('code') ?? '').trim(),
  password: parameters.get('password') ?? '',
  repeat: parameters.get('repeat') ?? '',
  passwordSet: parameters.get('passwordset') === 'true',
});

/** Whether a link or a form names somebody: without it there is nothing to fill in. */
export const isComplete = ({ userId }: Fields): boolean => userId !== '' && userId.length <= maximumId && !userId.includes('\0');

/** What is wrong with the fields by themselves, before anybody is asked. */
export function problemIn(texts: PageTexts, { code, password, repeat }: Fields, asksPassword: boolean): Problem | undefined {
  if (code === '' || code.length > maximumCode) return { text: texts.link, field: 'code' };
  if (!asksPassword) return undefined;
  if (password === '') return { text: texts.refusals.PASSWORD_EMPTY, field: 'password' };
  if (Array.from(password).length > maximumPassword) {
    return { text: fill(texts.passwordTooLong, { maximum: String(maximumPassword) }), field: 'password' };
  }
  return password === repeat ? undefined : { text: texts.repeatDiffers, field: 'repeat' };
}
