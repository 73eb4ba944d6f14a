// One-time codes by SMS and e-mail: made for one session, good there only.
import { randomInt } from 'node:crypto';
import type { Tx } from '../../kernel/call.ts';
import type { Code } from '../../kernel/codes/codes.ts';
import { keyedHash } from '../../kernel/crypto/keys.ts';
import { failure } from '../../kernel/errors.ts';
import { type CodeKey, findCode, maximumFailures, takeCode, writeCode } from './codeRepository.ts';

export const digits = 8;
export const lifetimeMs = 5 * 60 * 1000;

const hashOf = ({ keys }: Tx, { sessionId, channel }: CodeKey, code: string): Buffer =>
  keyedHash(keys.code, JSON.stringify(['session', sessionId, channel, code]));

/** A new one, in place of one that was there. */
export async function makeCode(tx: Tx, key: CodeKey): Promise<Code> {
  const code = String(randomInt(10 ** digits)).padStart(digits, '0');
  const expiresAt = new Date(tx.now.getTime() + lifetimeMs);
  await writeCode(tx, key, { hash: hashOf(tx, key, code), expiresAt });
  return { code, expiresAt: expiresAt.toISOString() };
}

/** Whether a code is right; it is used up then. CHALLENGE_ABSENT, CHALLENGE_EXPIRED where none could be. */
export async function lookAtCode(tx: Tx, key: CodeKey, code: string): Promise<boolean> {
  if (code.length === digits && (await takeCode(tx, key, hashOf(tx, key, code)))) return true;
  const found = await findCode(tx, key);
  if (!found) throw failure('CHALLENGE_ABSENT');
  if (found.expiresAt <= tx.now || found.failures >= maximumFailures) throw failure('CHALLENGE_EXPIRED');
  return false;
}
