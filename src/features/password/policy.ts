import { failure } from '../../kernel/errors.ts';
import type { Reason } from '../../kernel/reasons.ts';

/** Bytes (UTF-8) of a password at least; what Zitadel's default policy asks for. */
export const minimumBytes = 8;

const rules: readonly [Reason, (password: string) => boolean][] = [
  ['PASSWORD_TOO_SHORT', (password) => Buffer.byteLength(password) >= minimumBytes],
  ['PASSWORD_NEEDS_LOWER', (password) => /[a-z]/.test(password)],
  ['PASSWORD_NEEDS_UPPER', (password) => /[A-Z]/.test(password)],
  ['PASSWORD_NEEDS_DIGIT', (password) => /[0-9]/.test(password)],
  ['PASSWORD_NEEDS_SYMBOL', (password) => /[^a-zA-Z0-9]/.test(password)],
];

/** Whether a new password follows all rules. */
export const isComplex = (password: string): boolean => rules.every(([, holds]) => holds(password));

/** Holds a new password against the complexity rules, in their order; the first one broken is told. */
export function checkComplexity(password: string): void {
  for (const [reason, holds] of rules)
    if (!holds(password)) throw failure(reason, { metadata: { minimum: String(minimumBytes) } });
}
