// Owns: the TOTP secret of a person, sealed at rest.
import type { App, Tx } from '../../kernel/call.ts';
import { open, seal } from '../../kernel/crypto/seal.ts';
import { invalidField } from '../../kernel/errors.ts';
import { record } from '../user/events.ts';
import { insertTotp, type TotpRow } from './repository.ts';

/** Refuses a secret that is not base32 (RFC 4648, section 6; letter case and padding make no difference). */
export function checkSecret(secret: string, field: string): void {
  if (!/^[a-z2-7]+=*$/i.test(secret)) throw invalidField('TOTP_SECRET_INVALID', field);
}

/** Takes over a secret that the person's app holds already: the factor is ready at once. */
export async function importTotp(tx: Tx, userId: string, secret: string): Promise<void> {
  await insertTotp(tx, importedRow(tx, userId, secret));
  await record(tx, userId, { type: 'totp.added' });
}

/** The row of a secret that is taken over. */
export function importedRow({ keys }: Pick<App, 'keys'>, userId: string, secret: string): TotpRow {
  const plain = secret.replace(/=+$/, '').toUpperCase();
  return { userId, secret: seal(keys.seal, sealPlace(userId), plain), ready: true };
}

/** The secret in base32. */
export const openSecret = ({ keys }: Pick<App, 'keys'>, { userId, secret }: TotpRow): string =>
  open(keys.seal, sealPlace(userId), secret);

const sealPlace = (userId: string) => `totp/${userId}`;
