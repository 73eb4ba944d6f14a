// Owns: the TOTP secret of a person, sealed at rest.
import type { Tx } from '../../kernel/call.ts';
import { seal } from '../../kernel/crypto/seal.ts';
import { invalidField } from '../../kernel/errors.ts';
import { record } from '../user/events.ts';
import { insertTotp } from './repository.ts';

/** Refuses a secret that is not base32 (RFC 4648, section 6; letter case and padding make no difference). */
export function checkSecret(secret: string, field: string): void {
  if (!/^[a-z2-7]+=*$/i.test(secret)) throw invalidField('TOTP_SECRET_INVALID', field);
}

/** Takes over a secret that the person's app holds already: the factor is ready at once. */
export async function importTotp(tx: Tx, userId: string, secret: string): Promise<void> {
  const plain = secret.replace(/=+$/, '').toUpperCase();
  await insertTotp(tx, { userId, secret: seal(tx.keys.seal, sealPlace(userId), plain), ready: true });
  await record(tx, userId, { type: 'totp.added' });
}

const sealPlace = (userId: string) => `totp/${userId}`;
