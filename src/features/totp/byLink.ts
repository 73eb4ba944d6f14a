// An authenticator app by the link that is sent for a passkey. The link stays good until the app is ready.
import type { Call } from '../../kernel/call.ts';
import { deleteCode } from '../../kernel/codes/codes.ts';
import { countTry, settleTry } from '../../kernel/guessing.ts';
import { byCode, type Changed } from '../user/person.ts';
import { type LinkCode, linkProof } from '../user/registrationLink.ts';
import { confirm, type Enrolment, enrol } from './service.ts';

const kept = (userId: string, link: LinkCode) => ({ ...linkProof(userId, link), keep: true }) as const;

/** As `registerTOTP`, for whoever has the link. CODE_INVALID, TOTP_EXISTS. */
export const registerByLink = (call: Call, userId: string, link: LinkCode): Promise<Changed<Enrolment>> =>
  byCode(call, kept(userId, link), enrol);

/**
 * Whether the app has the secret; the link is used up then, and only then. A wrong one counts as a wrong TOTP code does
 * anywhere. CODE_INVALID, TOTP_NOT_FOUND, TOTP_READY, TRIED_TOO_OFTEN.
 */
export async function verifyByLink(call: Call, userId: string, link: LinkCode, code: string): Promise<boolean> {
  const { right } = await byCode(call, kept(userId, link), async (tx, user) => {
    const guess = { userId, kind: 'otp', user } as const;
    await countTry(tx, guess);
    const right = await confirm(tx, user, code);
    await settleTry(tx, guess, right);
    // The very one that was right: nobody makes another while the user is locked.
    if (right) await deleteCode(tx, userId, 'passkey');
    return { right };
  });
  return right;
}
