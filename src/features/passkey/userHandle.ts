import { createHash } from 'node:crypto';

/** WebAuthn Level 3, 5.4.3: at most 64 bytes. */
const maximumBytes = 64;

/** What an authenticator keeps of whom a credential is: the user's id, or what stands for one that is too long. Base64url. */
export function userHandle(userId: string): string {
  const bytes = Buffer.from(userId);
  return (bytes.length <= maximumBytes ? bytes : createHash('sha256').update(bytes).digest()).toString('base64url');
}
